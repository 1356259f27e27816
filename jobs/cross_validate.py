"""`sitspark cross-validate` on spark-submit's session.

spark-submit --properties-file conf/spark-defaults.conf jobs/cross_validate.py SETTINGS
"""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["cross-validate", *sys.argv[1:]]))
