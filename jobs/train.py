"""spark-submit jobs/train.py SETTINGS: the same as `sitspark train`, on spark-submit's session."""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
