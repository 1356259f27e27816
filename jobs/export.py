"""python jobs/export.py OUT: the same as `sitspark export`; it needs no Spark session."""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["export", *sys.argv[1:]]))
