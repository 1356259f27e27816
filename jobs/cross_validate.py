"""spark-submit jobs/cross_validate.py SETTINGS: the same as `sitspark cross-validate`, on spark-submit's session."""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["cross-validate", *sys.argv[1:]]))
