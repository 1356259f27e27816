"""spark-submit jobs/samples.py SETTINGS: the same as `sitspark samples`, on spark-submit's session."""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["samples", *sys.argv[1:]]))
