"""`sitspark trust` on spark-submit's session.

spark-submit --properties-file conf/spark-defaults.conf jobs/trust.py SETTINGS
"""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["trust", *sys.argv[1:]]))
