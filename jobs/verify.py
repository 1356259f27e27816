"""`sitspark verify` on spark-submit's session.

spark-submit --properties-file conf/spark-defaults.conf jobs/verify.py FOLDER
"""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["verify", *sys.argv[1:]]))
