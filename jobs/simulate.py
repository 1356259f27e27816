"""spark-submit jobs/simulate.py SETTINGS: the same as `sitspark simulate`, on the session that spark-submit configures."""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    main(["simulate", *sys.argv[1:]])
