"""spark-submit jobs/classify.py SETTINGS: the same as `sitspark classify`, on the session that spark-submit configures."""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    main(["classify", *sys.argv[1:]])
