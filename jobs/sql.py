"""spark-submit jobs/sql.py SETTINGS: the same as `sitspark sql`, on the session that spark-submit configures."""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    main(["sql", *sys.argv[1:]])
