"""Tables lie where the run's folder says, whatever Spark takes a path for."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from sitspark.parts import current_parts
from sitspark.workflow.failures import sentence_of
from sitspark.workflow.tables import read_table, write_table, write_version
from tests.full_disk import files_of_at_most


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


def test_a_full_disk_is_named_and_the_old_table_stays(spark: SparkSession, tmp_path: Path) -> None:
    numbers = spark.range(100_000).selectExpr("id", "rand(1) as x").coalesce(1)
    java = spark.sparkContext._jvm.java.lang.ProcessHandle.current().pid()  # type: ignore[union-attr]
    write_table(spark.range(3), tmp_path / "numbers")
    for write, name in ((write_table, "numbers"), (partial(write_version, note=""), "versions")):
        with files_of_at_most(100_000, process=java), pytest.raises(Exception) as caught:
            write(numbers, tmp_path / name)
        sentence = f"{tmp_path / name}: can't be written (File too large); make room there, then run the same command again"
        assert sentence_of(caught.value) == sentence
    assert [path.name for path in tmp_path.iterdir()] == ["numbers"]
    assert read_table(spark, tmp_path / "numbers").count() == 3
    write_table(numbers, tmp_path / "numbers")
    assert read_table(spark, tmp_path / "numbers").count() == 100_000
