"""spark-submit jobs/report.py SETTINGS: the same as `sitspark report`, on spark-submit's session."""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["report", *sys.argv[1:]]))
