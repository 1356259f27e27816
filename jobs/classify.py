"""spark-submit jobs/classify.py SETTINGS: the same as `sitspark classify`, on spark-submit's session."""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["classify", *sys.argv[1:]]))
