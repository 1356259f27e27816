"""The Spark session, and the format of its tables."""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, ByteSize, Field, PlainSerializer, field_serializer

from sitspark.settings.section import Section


class TableSettings(Section):
    """How the tables of the run are kept. Those with geometry are GeoParquet always, which Delta has no type for."""

    format: Literal["parquet", "delta"] = Field(
        "parquet",
        description="Of tables without geometry: parquet, replaced by every run of a stage; delta, where every run of a stage "
        "adds a version (DESCRIBE HISTORY, VERSION AS OF).",
    )


_SECRET = re.compile(r"secret|password|token|access[.]?key", re.IGNORECASE)  # spark.redaction.regex


def _property(value: object) -> object:
    """A Spark property as text: YAML reads 8 as a number and true as a boolean."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _size(size: ByteSize) -> str:
    return f"{size / 1e9:g} GB"


class SparkSettings(Section):
    """The session. Under spark-submit master and memory are its own; a session that exists already is used as it is."""

    master: str = Field("local[*]", description="Where to run when no session exists yet: local[*], spark://host:7077.")
    driver_memory: str = Field("3g", description="Heap of the driver (in local mode: of everything).")
    worker_memory: Annotated[ByteSize, PlainSerializer(_size)] = Field(
        ByteSize(6_000_000_000),
        description="Memory of one Python worker (a core has one), as 4 GB: chunks are sized so that reading stays below it.",
    )
    config: dict[str, Annotated[str, BeforeValidator(_property)]] = Field(
        default_factory=dict, description="Any Spark property of a new session, over that of spark-submit."
    )

    @field_serializer("config")
    def _without_secrets(self, config: dict[str, str]) -> dict[str, str]:
        """Settings are written to run.json and the report: what Spark itself would hide in its logs isn't."""
        return {key: "*****" if _SECRET.search(key) else value for key, value in config.items()}
