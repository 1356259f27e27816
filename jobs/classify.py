"""`sitspark classify` on spark-submit's session.

spark-submit --properties-file conf/spark-defaults.conf jobs/classify.py SETTINGS
"""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["classify", *sys.argv[1:]]))
