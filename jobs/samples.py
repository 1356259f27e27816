"""spark-submit jobs/samples.py SETTINGS: the same as `sitspark samples`, on the session that spark-submit configures."""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    main(["samples", *sys.argv[1:]])
