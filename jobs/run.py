"""spark-submit jobs/run.py SETTINGS: the same as `sitspark run`, on spark-submit's session."""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["run", *sys.argv[1:]]))
