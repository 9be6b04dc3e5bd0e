"""Looking at suspects: a local page to judge them by keyboard, and the same queue for other labelling tools.

`queue` says which images in which order, `ledger` what has been said about them, `session` puts both beside the images,
`app` and `server` show that to a browser on this machine, `exchange` speaks with Label Studio, CVAT, Prodigy and
spreadsheets. Left out: accounts and roles; who can open the page can judge, under the name the page was started with.
"""
