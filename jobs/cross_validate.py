"""spark-submit jobs/cross_validate.py SETTINGS: the same as `sitspark cross-validate`, on the session that spark-submit configures."""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    main(["cross-validate", *sys.argv[1:]])
