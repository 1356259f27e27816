"""`sitspark sql` on spark-submit's session.

spark-submit --properties-file conf/spark-defaults.conf jobs/sql.py QUERY --run FOLDER
"""

import sys

from sitspark.cli import main

if __name__ == "__main__":
    sys.exit(main(["sql", *sys.argv[1:]]))
