"""What a Python worker of Spark does at the end of a task, so that its next one begins at once."""

import gc
import sys
import zipimport

_modules = 0  # that were loaded when their objects were last taken from the garbage collector


def end_task() -> None:
    """Make the worker ready for its next task: no archive is read anew then, no module searched for garbage.

    The last thing that a function does which workers run; after each group where it is called by group.
    """
    _forget_archives()
    _keep_modules()


def _forget_archives() -> None:
    """Drop the finders of zip archives on the path, which cost 0.1 s and more between two tasks.

    Before each task pyspark calls `importlib.invalidate_caches`, at which Python 3.11 and 3.12 read the directories of
    all archives anew: pyspark's own, and the JARs of `spark.jars.packages`. Python makes a finder again at the next
    import that needs it.
    """
    for path, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimport.zipimporter):
            del sys.path_importer_cache[path]


def _keep_modules() -> None:
    """Take what is loaded from the garbage collector, when modules have come since the last time.

    After each task pyspark calls `gc.collect`, which looks at all objects of torch, numba and pandas: 0.2 s.
    """
    global _modules
    if len(sys.modules) > _modules:
        gc.collect()
        gc.freeze()
        _modules = len(sys.modules)
