"""`sitspark check` on spark-submit's session.

spark-submit --properties-file conf/spark-defaults.conf jobs/check.py SETTINGS
"""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["check", *sys.argv[1:]]))
