"""The gate: audit − baseline, policy → outcome. NumPy only, so that a finished RUN is judged in a moment.

`outcome` holds the result that formats print, `baseline` the file of what is already known, `rules` what a policy's
limits mean; `judge_gate` puts them together.
"""
