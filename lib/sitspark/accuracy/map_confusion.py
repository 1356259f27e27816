"""Comparing a finished map with the polygons set aside: a frame of counts, a polygon and a pair of classes a row."""

from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
import shapely
from pyspark.sql import DataFrame
from rasterio.windows import Window as RasterWindow

from sitspark.grid import Grid, Window
from sitspark.marks import Marks
from sitspark.samples.labelled import labelled_pixels
from sitspark.worker import end_task

_COUNTS = "polygon_id bigint, area string, reference int, predicted int, pixels bigint"
_AREAS = {"validation": "set_aside", "test": "test"}  # by split; other polygons are not measured


def map_confusion(pieces: DataFrame, grid: Grid, classification: Path, *, touched: bool, marks: Marks) -> DataFrame:
    """Count, for each polygon set aside, its pixels by produced class (0 = not classified); `area` tells validation from test.

    `pieces` are those of `pieces_by_chunk`. All pixels of the polygon count, `touched` or not as in sampling: one that two
    labels claim belongs to none. Each chunk is marked when it is done.
    """

    def compare(pieces: pd.DataFrame) -> pd.DataFrame:
        counted = _compared(pieces, grid, classification, touched=touched)
        marks.add(pieces["chunk_id"].iloc[0])
        end_task()
        return counted

    return pieces.groupBy("chunk_id").applyInPandas(compare, _COUNTS)


def _compared(pieces: pd.DataFrame, grid: Grid, classification: Path, *, touched: bool) -> pd.DataFrame:
    # pieces that train take part too, so that a pixel claimed by two labels is seen as such
    pieces = pieces.sort_values(["polygon_id", "piece_id"])
    chunk = pieces.iloc[0]
    window = Window(int(chunk["row"]), int(chunk["col"]), int(chunk["height"]), int(chunk["width"]))
    outlines = list(shapely.from_wkb(pieces["wkb"].to_numpy()))
    found = labelled_pixels(outlines, pieces["label"].tolist(), grid, window, touched=touched)
    with rasterio.open(classification) as drawn:
        # the map may begin later than the grid
        row = window.row - round((grid.top - drawn.transform.f) / grid.resolution)
        col = window.col - round((drawn.transform.c - grid.left) / grid.resolution)
        codes = np.zeros((window.height, window.width), drawn.dtypes[0])
        there = Window(row, col, window.height, window.width)
        part = there.intersection(Window(0, 0, drawn.height, drawn.width))
        if not part.is_empty:
            place = part.shifted(-there.row, -there.col).slices
            codes[place] = drawn.read(1, window=RasterWindow(part.col, part.row, part.width, part.height))
    aside = pieces["split"].isin(_AREAS).to_numpy()[found.piece]
    owners = pieces.iloc[found.piece[aside]]
    compared = pd.DataFrame(
        {
            "polygon_id": owners["polygon_id"].to_numpy(),
            "area": owners["split"].map(_AREAS).to_numpy(),
            "reference": owners["label"].to_numpy(),
            "predicted": codes[found.row[aside], found.col[aside]].astype(np.int32),
        }
    )
    return compared.groupby(list(compared.columns)).size().reset_index(name="pixels")
