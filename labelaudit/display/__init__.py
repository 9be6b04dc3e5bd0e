"""Scanning from Python: a bar while it works, and an audit that shows itself in a notebook."""
