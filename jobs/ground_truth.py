"""spark-submit jobs/ground_truth.py SETTINGS: the same as `sitspark ground-truth`, on spark-submit's session."""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["ground-truth", *sys.argv[1:]]))
