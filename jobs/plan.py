"""spark-submit jobs/plan.py SETTINGS: the same as `sitspark plan`, on spark-submit's session."""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["plan", *sys.argv[1:]]))
