"""`sitspark scenes` on spark-submit's session.

spark-submit --properties-file conf/spark-defaults.conf jobs/scenes.py SETTINGS
"""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["scenes", *sys.argv[1:]]))
