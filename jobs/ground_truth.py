"""spark-submit jobs/ground_truth.py SETTINGS: the same as `sitspark ground-truth`, on the session that spark-submit configures."""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    main(["ground-truth", *sys.argv[1:]])
