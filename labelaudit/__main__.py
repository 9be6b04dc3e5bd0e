"""``python -m labelaudit``, the same as the command ``labelaudit``."""

from labelaudit.cli import main

main()
