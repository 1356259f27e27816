"""spark-submit jobs/check.py SETTINGS: the same as `sitspark check`, on spark-submit's session."""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["check", *sys.argv[1:]]))
