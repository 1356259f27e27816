"""The frames from chosen pixels to samples: observations, features."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyproj
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sitspark.features.recipe import Recipe
from sitspark.grid import Window
from sitspark.marks import Marks
from sitspark.samples.batch import Batch, features_of_batch
from sitspark.samples.extract import read_pixels
from sitspark.samples.grounds import first_region
from sitspark.scenes.reading import Reading
from sitspark.scenes.region import Region
from sitspark.scenes.table import scenes_of
from sitspark.worker import end_task

_ROWS = 4096  # series handed to Spark at a time: those of a whole chunk may be as large as its cube
_KEYS = "sample_id bigint, polygon_id bigint, label int, tile string, fold string, split string, monitored boolean"
_OBSERVATIONS = f"""{_KEYS}, x double, y double, lon double, lat double,
    dates array<int>, acquired array<timestamp>, reflectance array<smallint>, valid array<boolean>, static array<float>,
    custom array<float>"""

# whether `valid`, which holds one sensor after the other, has a usable acquisition of each
_SEEN = """forall(sequence(1, size(dates)), s -> exists(
    slice(valid, 1 + aggregate(slice(dates, 1, s - 1), 0, (before, own) -> before + own), element_at(dates, s)),
    usable -> usable))"""


def observations(
    chosen: DataFrame,
    plan: DataFrame,
    scenes_table: Path,
    reading: Reading,
    recipe: Recipe,
    *,
    tasks: int,
    marks: Marks,
    regions: Mapping[str, Region] | None = None,
) -> DataFrame:
    """Read the raw series of the chosen pixels: one task row a chunk, one output row a pixel.

    `acquired`, `reflectance` and `valid` hold one sensor after the other, each of as many acquisitions as `dates` says;
    `static` has the layers, `custom` the features of the user's own functions where these see what is around a pixel.
    Acquisitions without a usable pixel around the chosen pixels of a chunk are left out of their series. Each chunk is marked
    when it is read. With `regions`, in the CRS of the grid, the last column is `region`: that which holds the pixel's centre,
    of several the first; null outside all of them.
    """
    pixel = F.struct("sample_id", "polygon_id", "label", "fold", "split", "monitored", "row", "col")
    by_chunk = chosen.groupBy("chunk_id").agg(F.sort_array(F.collect_list(pixel)).alias("pixels"))
    work = by_chunk.join(plan.select("chunk_id", "tile", "row", "col", "height", "width", "tiles", "other_tiles"), "chunk_id")

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for chunk in range(batch.num_rows):
                work = batch.slice(chunk, 1)
                observed = _observed(work, scenes_table, reading, recipe, regions)
                for first in range(0, observed.num_rows, _ROWS):
                    yield observed.slice(first, _ROWS)
                marks.add(work["chunk_id"][0].as_py())
        end_task()

    # the id begins with the tile: neighbours one after the other, so that a worker finds the files of its tile open
    columns = _OBSERVATIONS if regions is None else f"{_OBSERVATIONS}, region string"
    return work.repartitionByRange(tasks, "chunk_id").sortWithinPartitions("chunk_id").mapInArrow(read, columns)


def weighted(observed: DataFrame, polygons: DataFrame) -> DataFrame:
    """Observations with the column `weight` of their polygons."""
    weights = polygons.select("polygon_id", "weight").distinct()
    return observed.join(F.broadcast(weights), "polygon_id").select(*observed.columns, "weight")


def _observed(
    chunk: pa.RecordBatch, scenes_table: Path, reading: Reading, recipe: Recipe, regions: Mapping[str, Region] | None
) -> pa.RecordBatch:
    pixels = pa.RecordBatch.from_struct_array(chunk["pixels"].flatten())
    rows, cols = (pixels[name].to_numpy().astype(np.int64) for name in ("row", "col"))
    tile = chunk["tile"][0].as_py()
    tiles, other_tiles = (chunk[name][0].as_py() for name in ("tiles", "other_tiles"))
    scenes = scenes_of(scenes_table, reading.leading, tiles=tiles, other_tiles=other_tiles)
    window = Window(*(chunk[name][0].as_py() for name in ("row", "col", "height", "width")))
    found = read_pixels(scenes, rows, cols, reading, recipe, window=window, tile=tile)
    count = len(rows)
    grid = reading.grid
    columns = {name: pixels[name] for name in ("sample_id", "polygon_id", "label")}
    columns["tile"] = pa.array([tile] * count)
    columns |= {name: pixels[name] for name in ("fold", "split", "monitored")}
    x, y = grid.left + (cols + 0.5) * grid.resolution, grid.top - (rows + 0.5) * grid.resolution
    lon, lat = pyproj.Transformer.from_crs(grid.crs, 4326, always_xy=True).transform(x, y)
    columns |= {"x": pa.array(x), "y": pa.array(y), "lon": pa.array(lon), "lat": pa.array(lat)}
    series = found.series
    dates = np.array([one.valid.shape[1] for one in series], np.int32)
    days = [np.broadcast_to(one.days, one.valid.shape) for one in series]
    acquired = np.concatenate(days, axis=1).astype("datetime64[D]").astype("datetime64[us]")
    columns["dates"] = _lists(np.tile(dates, (count, 1)))
    columns["acquired"] = _lists(acquired, pa.timestamp("us", tz="UTC"))
    columns["reflectance"] = _lists(np.concatenate([one.reflectance.reshape(count, -1) for one in series], axis=1))
    columns["valid"] = _lists(np.concatenate([one.valid for one in series], axis=1).astype(bool))
    columns["static"] = _lists(found.static)
    columns["custom"] = _lists(found.custom)
    if regions is not None:
        at = (rows - window.row, cols - window.col)
        found_in = first_region(at, tuple(regions.values()), grid.cropped(window))
        columns["region"] = pa.array([*regions], pa.string()).take(pa.array(found_in, mask=found_in < 0))
    return pa.RecordBatch.from_pydict(columns)


def _lists(rows: npt.NDArray[np.generic], kind: pa.DataType | None = None) -> pa.ListArray:
    """Each row as a list."""
    count, length = rows.shape
    return pa.ListArray.from_arrays(pa.array(np.arange(count + 1, dtype=np.int32) * length), pa.array(rows.ravel(), kind))


def samples(observed: DataFrame, recipe: Recipe, *, made_with: str, marks: Marks, least: int = 1) -> DataFrame:
    """Gap-fill and derive the features; rows are sorted by tile.

    Pixels without a usable acquisition of every sensor, or with fewer than `least` of all together, are left out. The
    metadata of the column `features` have the feature space under `feature_space`, and under `made_with` the key of the
    settings and inputs that the table is made with. Samples are marked when they have their features.
    """

    @F.pandas_udf("array<float>")  # type: ignore[attr-defined,untyped-decorator]  # not in pyspark's types
    def features(
        sample_id: pd.Series,
        dates: pd.Series,
        days: pd.Series,
        reflectance: pd.Series,
        valid: pd.Series,
        static: pd.Series,
        custom: pd.Series,
    ) -> pd.Series:
        found = features_of_batch(Batch(dates, days, reflectance, valid, static, custom), recipe)
        marks.add(str(sample_id.iloc[0]), len(found))
        end_task()
        return found

    metadata = {"feature_space": recipe.space.to_json(), "made_with": made_with}
    # as numbers: Spark converts timestamps inside arrays one by one in Python
    days = F.transform("acquired", lambda moment: F.unix_date(moment.cast("date")))
    computed = features("sample_id", "dates", days, "reflectance", "valid", "static", "custom")
    return (
        # without any clear date of a sensor there is nothing to learn from; the map leaves such a pixel unclassified
        observed.where(F.expr(f"size(dates) = 0 or ({_SEEN} and size(filter(valid, usable -> usable)) >= {least})"))
        .orderBy("tile", "sample_id")
        .withColumn("features", computed.alias("features", metadata=metadata))
        .drop("dates", "acquired", "reflectance", "valid", "static", "custom")
    )
