"""Samples tables as Spark writes them, without Spark; and jobs on them."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sitspark.classes import LandCoverClass, Nomenclature
from sitspark.kernels.feature_space import FeatureSpace, Index, SensorFeatures
from sitspark.models.job import TrainingJob
from sitspark.settings import TrainingSettings
from sitspark.timegrid import TimeGrid

DATES = TimeGrid(date(2018, 1, 1), date(2018, 1, 21), 10)
SPACE = FeatureSpace(
    (SensorFeatures("sentinel2", ("B4", "B8", "B11"), DATES, (Index("ndvi"),), red="B4", nir="B8", swir="B11"),)
)
CODES = (11, 12, 31)
NOMENCLATURE = Nomenclature(tuple(LandCoverClass(code, f"class {code}", (code, 0, 0)) for code in CODES))


@dataclass(frozen=True)
class Table:
    """The columns of a samples table."""

    features: np.ndarray
    label: np.ndarray
    fold: np.ndarray
    split: np.ndarray
    monitored: np.ndarray

    @property
    def fitted(self) -> np.ndarray:
        """Which samples a model of all tiles is fitted to."""
        return (self.split == "train") & ~self.monitored


def separable(n: int = 1200, *, seed: int = 0) -> Table:
    """Three classes far apart in reflectance-like features; the last feature never varies."""
    random = np.random.default_rng(seed)
    position = random.integers(0, len(CODES), n)
    centres = random.uniform(500, 4000, (len(CODES), len(SPACE)))
    features = (centres[position] + random.normal(0, 100, (n, len(SPACE)))).astype(np.float32)
    features[:, -1] = 1234.5
    split = np.where(random.random(n) < 0.75, "train", "validation")
    return Table(
        features=features,
        label=np.array(CODES, np.int32)[position],
        fold=random.choice(["31TCJ", "31TCK"], n),
        split=split,
        monitored=(split == "train") & (random.random(n) < 0.2),
    )


def of_the_reference_job(n: int) -> tuple[Table, FeatureSpace, Nomenclature]:
    """Samples of 481 features (10 bands and 3 indices at 37 dates) and 23 classes."""
    bands = ("B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B11", "B12")
    year, indices = TimeGrid(date(2018, 1, 1), date(2018, 12, 27), 10), tuple(map(Index, ("ndvi", "ndwi", "brightness")))
    space = FeatureSpace((SensorFeatures("sentinel2", bands, year, indices, red="B4", nir="B8", swir="B11"),))
    random = np.random.default_rng(0)
    position = random.integers(0, 23, n)
    features = random.uniform(500, 4000, (23, len(space)))[position] + random.normal(0, 900, (n, len(space)))
    train, monitored = np.full(n, "train"), np.arange(n) % 5 == 0
    table = Table(features.astype(np.float32), (position + 1).astype(np.int32), np.full(n, "31TCJ"), train, monitored)
    return table, space, Nomenclature(tuple(LandCoverClass(code, f"class {code}", (code, 0, 0)) for code in range(1, 24)))


def write(
    table: Table, folder: Path, *, space: FeatureSpace | None = SPACE, parts: int = 3, weight: np.ndarray | None = None
) -> Path:
    """Write part files with row groups of 100 samples and Spark's metadata (none of the features for no space)."""
    folder.mkdir(parents=True)
    metadata = {} if space is None else {"feature_space": space.to_json()}
    spark = {"type": "struct", "fields": [{"name": "features", "metadata": metadata}]}
    columns = {
        "sample_id": pa.array(np.arange(len(table.label))),
        "polygon_id": pa.array(np.arange(len(table.label)) // 7),
        "label": pa.array(table.label, pa.int32()),
        "tile": pa.array(table.fold),
        "fold": pa.array(table.fold),
        "split": pa.array(table.split),
        "monitored": pa.array(table.monitored),
        "features": pa.array(list(table.features), pa.list_(pa.float32())),
    }
    if weight is not None:
        columns["weight"] = pa.array(weight, pa.float64())
    whole = pa.table(columns).replace_schema_metadata({"org.apache.spark.sql.parquet.row.metadata": json.dumps(spark)})
    size = -(-len(table.label) // parts)
    for part in range(parts):
        pq.write_table(whole.slice(part * size, size), folder / f"part-{part:05}.parquet", row_group_size=100)
    return folder


def job(samples: Path, root: Path, *, left_out_fold: str | None = None, **settings: Any) -> TrainingJob:
    """A small job on one thread."""
    chosen = {"epochs": 4, "batch_size": 128, "learning_rate": 0.01, "threads": 1} | settings
    return TrainingJob(
        model_id="m",
        samples=samples,
        folder=root / "model",
        scratch=root / "scratch",
        nomenclature=NOMENCLATURE,
        settings=TrainingSettings(**chosen),
        seed=5,
        left_out_fold=left_out_fold,
    )
