"""The samples table without Spark: what its features are."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from sitspark.errors import SitsparkError
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.parts import current_parts

_SPARK_SCHEMA = b"org.apache.spark.sql.parquet.row.metadata"


def feature_space_of(table: Path) -> FeatureSpace:
    """The feature space that Spark keeps in the metadata of the column `features`.

    Raises SitsparkError for a table without it, and where there is none.
    """
    part = _parts(table)[0]
    found = _metadata(part).get("feature_space")
    if found is None:
        raise SitsparkError(
            f"{part}: does not say what its features are (column features, metadata feature_space); "
            "make the samples table again with sitspark"
        )
    return FeatureSpace.from_json(found)


def made_with_of(table: Path) -> str | None:
    """The key of the settings and inputs that a table is made with, as its metadata say; None where they don't."""
    return _metadata(_parts(table)[0]).get("made_with")


def rows_of(table: Path) -> int:
    """How many samples a table has."""
    return sum(pq.read_metadata(part).num_rows for part in _parts(table))


def _parts(table: Path) -> list[Path]:
    parts = current_parts(table)
    if not parts:
        raise SitsparkError(f"{table}: is no samples table (it holds no Parquet file); run the stage samples first")
    return parts


def _metadata(part: Path) -> dict[str, Any]:
    """The metadata of the column `features`."""
    metadata = pq.read_schema(part).metadata or {}
    fields = json.loads(metadata.get(_SPARK_SCHEMA, b"{}")).get("fields", [])
    return next((field["metadata"] for field in fields if field["name"] == "features"), {})
