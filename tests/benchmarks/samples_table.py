"""A samples table of any size, made straight as Parquet: classes with means of their own, noise, 481 features a sample."""

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sitspark.classes import LandCoverClass, Nomenclature
from sitspark.kernels.feature_space import FeatureSpace, Index, SensorFeatures
from sitspark.timegrid import TimeGrid

CLASSES = 23  # as many as the OSO nomenclature has
NOMENCLATURE = Nomenclature(tuple(LandCoverClass(code, f"class {code}", (code, 0, 0)) for code in range(1, CLASSES + 1)))
_BANDS = ("B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B11", "B12")
_GRID = TimeGrid(date(2018, 1, 1), date(2018, 12, 27), 10)  # 37 dates
_INDICES = tuple(Index(name) for name in ("ndvi", "ndwi", "brightness"))
SPACE = FeatureSpace((SensorFeatures("sentinel2", _BANDS, _GRID, _INDICES, red="B4", nir="B8", swir="B11"),))
_PART, _GROUP = 131_072, 32_768  # rows of a file and of a row group: 64 MB, as the stage samples writes them
_NOISE = 600.0  # reflectance x 10 000: enough that no class is without errors


@dataclass(frozen=True, slots=True)
class _Rows:
    part: int
    first: int
    last: int


def write_samples(folder: Path, count: int, *, monitored: bool) -> Path:
    """Write part files of `count` samples, all of the split 'train', a fifth of the polygons monitored or none."""
    folder.mkdir(parents=True)
    rows = [_Rows(i, first, min(first + _PART, count)) for i, first in enumerate(range(0, count, _PART))]
    with ProcessPoolExecutor() as pool:
        list(pool.map(partial(_write_part, folder, monitored), rows))
    return folder


def _write_part(folder: Path, monitored: bool, rows: _Rows) -> None:
    centres = np.random.default_rng(0).uniform(300, 4000, (CLASSES, len(SPACE)))
    random = np.random.default_rng(rows.part + 1)
    spark = {"type": "struct", "fields": [{"name": "features", "metadata": {"feature_space": SPACE.to_json()}}]}
    metadata = {"org.apache.spark.sql.parquet.row.metadata": json.dumps(spark)}
    writer = None
    for first in range(rows.first, rows.last, _GROUP):
        sample = np.arange(first, min(first + _GROUP, rows.last))
        label = random.integers(0, CLASSES, len(sample))
        features = np.rint(centres[label] + random.normal(0, _NOISE, (len(sample), len(SPACE)))).astype(np.float32)
        texts = {
            name: np.full(len(sample), value) for name, value in (("tile", "31TCJ"), ("fold", "31TCJ"), ("split", "train"))
        }
        columns = {
            "sample_id": sample,
            "polygon_id": sample // 50,
            "label": (label + 1).astype(np.int32),
            **texts,
            "monitored": (sample // 50 % 5 == 0) & monitored,
            "features": pa.ListArray.from_arrays(np.arange(len(sample) + 1, dtype=np.int32) * len(SPACE), features.ravel()),
        }
        table = pa.table(columns).replace_schema_metadata(metadata)
        writer = writer or pq.ParquetWriter(
            folder / f"part-{rows.part:05}.parquet", table.schema, compression="zstd", use_dictionary=list(texts)
        )
        writer.write_table(table)
    assert writer is not None
    writer.close()
