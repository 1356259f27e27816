"""`sitspark report` on spark-submit's session.

spark-submit --properties-file conf/spark-defaults.conf jobs/report.py SETTINGS
"""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["report", *sys.argv[1:]]))
