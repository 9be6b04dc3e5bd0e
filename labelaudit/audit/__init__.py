"""The audit as a document, and the RUN folder that holds it: written and read back file by file."""
