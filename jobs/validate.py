"""`sitspark validate` on spark-submit's session.

spark-submit --properties-file conf/spark-defaults.conf jobs/validate.py SETTINGS | MAP POLYGONS --label-field FIELD
"""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["validate", *sys.argv[1:]]))
