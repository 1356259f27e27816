"""`sitspark train` on spark-submit's session.

spark-submit --properties-file conf/spark-defaults.conf jobs/train.py SETTINGS
"""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
