"""spark-submit jobs/report.py SETTINGS: the same as `sitspark report`, on the session that spark-submit configures."""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    main(["report", *sys.argv[1:]])
