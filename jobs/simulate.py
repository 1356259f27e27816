"""spark-submit jobs/simulate.py SETTINGS: the same as `sitspark simulate`, on spark-submit's session."""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["simulate", *sys.argv[1:]]))
