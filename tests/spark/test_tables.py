"""Tables lie where the run's folder says, whatever Spark takes a path for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from sitspark.parts import current_parts
from sitspark.workflow.tables import read_table, write_table, write_version


@pytest.fixture
def foreign(spark: SparkSession) -> Iterator[SparkSession]:
    """A session whose default file system is a cluster's, as on most clusters."""
    hadoop = spark.sparkContext._jsc.hadoopConfiguration()  # type: ignore[attr-defined]  # the Java context
    before = hadoop.get("fs.defaultFS")
    hadoop.set("fs.defaultFS", "hdfs://nowhere.invalid:9000")
    yield spark
    hadoop.set("fs.defaultFS", before)


@pytest.mark.parametrize("name", ["plain", "with space", "p[2018]", "a{b,c}", "h#sh", "pc%20t", "what?", "st*r"])
def test_a_table_is_read_back_from_where_it_was_written(foreign: SparkSession, tmp_path: Path, name: str) -> None:
    write_table(foreign.range(3), tmp_path / name / "numbers")
    assert list((tmp_path / name / "numbers").glob("*.parquet"))
    assert read_table(foreign, tmp_path / name / "numbers").count() == 3
    write_version(foreign.range(3), tmp_path / name / "versions", note="")
    assert read_table(foreign, tmp_path / name / "versions").count() == 3
    assert len(current_parts(tmp_path / name / "versions")) > 0
    points = foreign.sql("select ST_Point(double(id), 1.0) as geometry from range(2)")
    write_table(points, tmp_path / name / "points", crs="EPSG:2154")
    assert read_table(foreign, tmp_path / name / "points").selectExpr("sum(ST_X(geometry))").first()[0] == 1
