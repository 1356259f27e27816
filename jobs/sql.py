"""spark-submit jobs/sql.py SETTINGS: the same as `sitspark sql`, on spark-submit's session."""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["sql", *sys.argv[1:]]))
