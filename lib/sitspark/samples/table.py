"""The samples table without Spark: what its features are."""

import json
from pathlib import Path

import pyarrow.parquet as pq

from sitspark.errors import SitsparkError
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.parts import current_parts

_SPARK_SCHEMA = b"org.apache.spark.sql.parquet.row.metadata"


def feature_space_of(table: Path) -> FeatureSpace:
    """The feature space that Spark keeps in the metadata of the column `features`.

    Raises SitsparkError for a table without it, and where there is none.
    """
    parts = current_parts(table)
    if not parts:
        raise SitsparkError(f"{table}: is no samples table (it holds no Parquet file); run the stage samples first")
    part = parts[0]
    metadata = pq.read_schema(part).metadata or {}
    fields = json.loads(metadata.get(_SPARK_SCHEMA, b"{}")).get("fields", [])
    found = [field["metadata"].get("feature_space") for field in fields if field["name"] == "features"]
    if not found or found[0] is None:
        raise SitsparkError(
            f"{part}: does not say what its features are (column features, metadata feature_space); "
            "make the samples table again with sitspark"
        )
    return FeatureSpace.from_json(found[0])
