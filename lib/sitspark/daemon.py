"""The parent of Spark's Python workers on this machine: what all of them need is imported once, before they are forked.

A worker then begins with torch, numba and GDAL in memory and shares it with the others, as far as none writes there: a third
of a gigabyte each. `spark.python.daemon.module` makes Spark start it in place of its own. Nothing that is imported here may
begin to use a GPU, or start threads that don't bear a fork.
"""

import gc

import pyspark.daemon
import torch  # noqa: F401

import sitspark.maps.classify  # noqa: F401

if __name__ == "__main__":
    # the collector writes to all objects that it looks at, and a page that is written to is no longer shared
    gc.collect()
    gc.freeze()
    pyspark.daemon.manager()  # type: ignore[no-untyped-call]
