"""The command `sitspark`, and `python -m sitspark`."""

import sys


def main() -> int:
    """Run the command line; gives the exit code. Ctrl-C counts from the first import on."""
    try:
        from sitspark.cli import main as run

        return run()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
