"""``python -m labelaudit``, and the command ``labelaudit``: what runs before the command line itself is imported."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C while Python still imports it ends as it does later, without a traceback."""
    try:
        from labelaudit.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("labelaudit: interrupted\n")
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
