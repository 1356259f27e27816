"""spark-submit jobs/run.py SETTINGS: the same as `sitspark run`, on the session that spark-submit configures."""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    main(["run", *sys.argv[1:]])
