"""spark-submit jobs/validate.py SETTINGS: the same as `sitspark validate`, on spark-submit's session."""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["validate", *sys.argv[1:]]))
