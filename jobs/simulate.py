"""python jobs/simulate.py OUT: the same as `sitspark simulate`; it needs no Spark session."""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["simulate", *sys.argv[1:]]))
