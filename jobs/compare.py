"""`sitspark compare` on spark-submit's session.

spark-submit --properties-file conf/spark-defaults.conf jobs/compare.py A B
"""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["compare", *sys.argv[1:]]))
