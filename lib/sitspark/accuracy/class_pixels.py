"""The pixels of each class of a whole map, whoever made it."""

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession

from sitspark.grid import Window
from sitspark.maps.class_raster import NOTHING, ClassRaster
from sitspark.maps.reading import blocks
from sitspark.marks import Marks
from sitspark.worker import end_task

_SIDE = 2048  # pixels of a block's side
_TASKS = 2000  # a driver keeps the state of every task: beyond this several blocks share one


def class_pixels(spark: SparkSession, raster: ClassRaster, marks: Marks) -> dict[int, int]:
    """How many pixels of the map each class of the reference has, in one pass over it; each block is marked when it is done.

    Codes that the mapping gives no class, and pixels without one, don't count. Raises SitsparkError as `ClassRaster.read` does.
    """
    rows = [(w.row, w.col, w.height, w.width) for w in blocks(raster.grid.window, _SIDE)]

    def count(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for batch in batches:
            for row, col, height, width in batch.to_numpy().tolist():
                codes = raster.read(raster.grid, Window(row, col, height, width))
                code, pixels = np.unique(codes[codes != NOTHING], return_counts=True)
                marks.add(f"{row}-{col}")
                yield pd.DataFrame({"code": code.astype(np.int32), "pixels": pixels.astype(np.int64)})
        end_task()

    work = spark.createDataFrame(rows, "row int, col int, height int, width int").repartition(min(len(rows), _TASKS))
    found: Counter[int] = Counter()
    for row in work.mapInPandas(count, "code int, pixels bigint").collect():
        code = row.code if raster.mapping is None else raster.mapping.get(row.code)
        if code is not None:
            found[code] += row.pixels
    return dict(found)


def blocks_of(raster: ClassRaster) -> int:
    """In how many blocks a map is counted."""
    return sum(1 for _ in blocks(raster.grid.window, _SIDE))
