"""The command line of labelaudit, installed as ``labelaudit.cli``."""
