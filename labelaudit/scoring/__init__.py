"""After the scan: new images judged by a saved audit, and audits kept up to date as a dataset changes."""
