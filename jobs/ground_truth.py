"""`sitspark ground-truth` on spark-submit's session.

spark-submit --properties-file conf/spark-defaults.conf jobs/ground_truth.py SETTINGS
"""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["ground-truth", *sys.argv[1:]]))
