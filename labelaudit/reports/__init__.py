"""What a scan writes and later commands read: one file per format, and `run` for the RUN folder as a whole.

``csv`` is for people and spreadsheets, ``json`` for machines (``summary.json``) and for coming back (``audit.json``),
``npz`` for the arrays of the evidence.
"""
