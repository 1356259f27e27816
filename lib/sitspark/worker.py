"""What a Python worker of Spark does at the end of a task."""

import sys
import zipimport


def forget_archives() -> None:
    """Drop the finders of zip archives on the path, which cost 0.1 s and more between two tasks.

    Before each task pyspark calls `importlib.invalidate_caches`, at which Python 3.11 and 3.12 read the directories of
    all archives anew: pyspark's own, and the JARs of `spark.jars.packages`. Python makes a finder again at the next
    import that needs it.
    """
    for path, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimport.zipimporter):
            del sys.path_importer_cache[path]
