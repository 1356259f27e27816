"""`sitspark run` on spark-submit's session.

spark-submit --properties-file conf/spark-defaults.conf jobs/run.py SETTINGS
"""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["run", *sys.argv[1:]]))
