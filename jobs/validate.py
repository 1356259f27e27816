"""spark-submit jobs/validate.py SETTINGS: the same as `sitspark validate`, on the session that spark-submit configures."""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    main(["validate", *sys.argv[1:]])
