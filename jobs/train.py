"""spark-submit jobs/train.py SETTINGS: the same as `sitspark train`, on the session that spark-submit configures."""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])
