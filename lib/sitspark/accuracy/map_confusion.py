"""Comparing finished maps with the polygons set aside: a frame of counts, a polygon and its classes a row."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from pyspark.sql import DataFrame

from sitspark.grid import Grid, Window
from sitspark.maps.class_raster import NOTHING, Classes, ClassRaster
from sitspark.marks import Marks
from sitspark.samples.labelled import labelled_pixels
from sitspark.worker import end_task

Indices = npt.NDArray[np.int64]

_AREAS = {"validation": "set_aside", "test": "test"}  # by split; other polygons are not measured
_PREDICTED = "predicted"


def map_confusion(
    pieces: DataFrame,
    grid: Grid,
    classification: Path,
    *,
    touched: bool,
    marks: Marks,
    measures: Mapping[str, Path] = MappingProxyType({}),
) -> DataFrame:
    """Count as `class_counts` does for the map of a run: its class is `predicted`, 0 where it has none.

    `measures` are rasters of whole numbers, as of clear dates, by which pixels are told apart, too: a column each, likewise.
    """
    rasters = {_PREDICTED: classification, **measures}
    maps = {name: ClassRaster.of(path) for name, path in rasters.items()}
    return class_counts(pieces, grid, maps, touched=touched, marks=marks).replace(NOTHING, 0, list(maps))


def class_counts(pieces: DataFrame, grid: Grid, maps: Mapping[str, ClassRaster], *, touched: bool, marks: Marks) -> DataFrame:
    """Count, for each polygon set aside, its pixels by class in each map, a column a map; `area` tells validation from test.

    `pieces` are those of `pieces_by_chunk` on `grid`, on whose pixels the maps lie; `tile` is that of their chunk, NOTHING is
    where a map has no class. All pixels of the polygon count, `touched` or not as in sampling: one that two labels claim
    belongs to none. Each chunk is marked when it is done.
    """

    def compare(pieces: pd.DataFrame) -> pd.DataFrame:
        counted = _compared(pieces, grid, maps, touched=touched)
        marks.add(pieces["chunk_id"].iloc[0])
        end_task()
        return counted

    classes = "".join(f"{name} int, " for name in maps)
    schema = f"polygon_id bigint, area string, tile string, reference int, {classes}pixels bigint"
    return pieces.groupBy("chunk_id").applyInPandas(compare, schema)


def _compared(pieces: pd.DataFrame, grid: Grid, maps: Mapping[str, ClassRaster], *, touched: bool) -> pd.DataFrame:
    # pieces that train take part too, so that a pixel claimed by two labels is seen as such
    pieces = pieces.sort_values(["polygon_id", "piece_id"])
    chunk = pieces.iloc[0]
    window = Window(int(chunk["row"]), int(chunk["col"]), int(chunk["height"]), int(chunk["width"]))
    outlines = list(shapely.from_wkb(pieces["wkb"].to_numpy()))
    found = labelled_pixels(outlines, pieces["label"].tolist(), grid, window, touched=touched)
    aside = pieces["split"].isin(_AREAS).to_numpy()[found.piece]
    owners = pieces.iloc[found.piece[aside]]
    row, col = found.row[aside], found.col[aside]
    compared = pd.DataFrame(
        {
            "polygon_id": owners["polygon_id"].to_numpy(),
            "area": owners["split"].map(_AREAS).to_numpy(),
            "tile": owners["tile"].to_numpy(),
            "reference": owners["label"].to_numpy(),
            **{name: _classes_at(raster, grid, window, row, col) for name, raster in maps.items()},
        }
    )
    return compared.groupby(list(compared.columns)).size().reset_index(name="pixels")


def _classes_at(raster: ClassRaster, grid: Grid, window: Window, row: Indices, col: Indices) -> Classes:
    """The classes of some pixels of a window; no more of the raster is read than what lies around them."""
    if not len(row):
        return np.zeros(0, np.int32)
    first_row, first_col = int(row.min()), int(col.min())
    around = Window(
        window.row + first_row,
        window.col + first_col,
        int(row.max()) - first_row + 1,
        int(col.max()) - first_col + 1,
    )
    return raster.translated(raster.read(grid, around)[row - first_row, col - first_col])
