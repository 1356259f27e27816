"""Tables of Delta: each write is a version; readers without Spark see the files of the current one, in the order of rows."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from sitspark.errors import SitsparkError
from sitspark.parts import current_parts, is_delta
from sitspark.samples.wide import write_wide
from sitspark.spark import location
from sitspark.workflow.keys import contents
from sitspark.workflow.tables import read_table, write_table, write_version


def history(spark: SparkSession, table: Path) -> list[Row]:
    """The versions of a table, the first one first."""
    return spark.sql(f"describe history delta.`{location(table)}`").orderBy("version").collect()


def ids(table: Path) -> list[int]:
    """What a reader without Spark sees, in its order."""
    parts = current_parts(table)
    return pa.concat_tables(map(pq.read_table, parts))["id"].to_pylist() if parts else []


def shuffled(spark: SparkSession) -> DataFrame:
    return spark.range(100).repartition(4).sortWithinPartitions("id", ascending=False)


@pytest.fixture
def table(spark: SparkSession, tmp_path: Path) -> Path:
    """A table of two versions: 0 1 2, then 10 11."""
    target = tmp_path / "numbers"
    write_version(spark.range(3), target, note="first")
    write_version(spark.range(10, 12).selectExpr("id", "id * 2 as twice"), target, note="second")
    return target


def test_each_write_is_a_version_with_its_note(spark: SparkSession, table: Path) -> None:
    versions = history(spark, table)
    assert [(row.version, row.userMetadata) for row in versions] == [(0, "first"), (1, "second")]
    assert read_table(spark, table).orderBy("id").collect() == [Row(id=10, twice=20), Row(id=11, twice=22)]
    earlier = spark.sql(f"select id from delta.`{location(table)}` version as of 0 order by id")
    assert [row.id for row in earlier.collect()] == [0, 1, 2]


def test_readers_without_spark_see_the_current_version_alone(table: Path) -> None:
    assert len(list(table.glob("*.parquet"))) > len(current_parts(table))
    assert sorted(ids(table)) == [10, 11]
    assert all(pq.ParquetFile(part).metadata.row_group(0).column(0).compression == "ZSTD" for part in current_parts(table))


def test_part_files_keep_the_order_that_they_have_in_parquet(spark: SparkSession, tmp_path: Path) -> None:
    write_table(shuffled(spark), tmp_path / "plain")
    write_version(shuffled(spark), tmp_path / "versioned", note="")
    assert ids(tmp_path / "versioned") == ids(tmp_path / "plain") != sorted(ids(tmp_path / "plain"))


def test_rows_that_another_job_appends_are_read_and_change_the_contents(spark: SparkSession, table: Path) -> None:
    before = contents(table)
    added = spark.range(20, 22).selectExpr("id", "id as twice")
    added.write.format("delta").mode("append").save(location(table))
    assert sorted(ids(table)) == [10, 11, 20, 21]
    assert read_table(spark, table).count() == 4
    assert contents(table) != before


def test_a_lost_part_file_changes_the_contents(table: Path) -> None:
    before = contents(table)
    current_parts(table)[0].unlink()
    assert contents(table) != before


def test_the_files_of_earlier_versions_may_be_removed_as_vacuum_does(spark: SparkSession, table: Path) -> None:
    before = contents(table)
    for part in set(table.glob("*.parquet")) - set(current_parts(table)):
        part.unlink()
    assert contents(table) == before and sorted(ids(table)) == [10, 11]
    assert read_table(spark, table).count() == 2


def test_a_table_may_be_copied_elsewhere(spark: SparkSession, table: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(table, tmp_path / "copy")
    assert contents(copy) == contents(table)
    shutil.rmtree(table)
    assert sorted(ids(copy)) == [10, 11] and len(history(spark, copy)) == 2


def test_a_table_without_rows_is_a_table(spark: SparkSession, table: Path, tmp_path: Path) -> None:
    write_version(spark.range(0), table, note="none")
    assert current_parts(table) == [] and read_table(spark, table).count() == 0
    with pytest.raises(SitsparkError, match="numbers: holds no row"):
        write_wide(table, tmp_path / "numbers.csv", features=())


def test_one_format_takes_the_place_of_the_other(spark: SparkSession, table: Path) -> None:
    for start in (30, 40):  # Delta remembers what it saw in a folder
        write_table(spark.range(start, start + 2), table)
        assert not is_delta(table) and sorted(ids(table)) == [start, start + 1]
        write_version(spark.range(start + 5, start + 7), table, note="again")
        assert sorted(ids(table)) == [start + 5, start + 6]
        assert read_table(spark, table).count() == 2
        assert [row.userMetadata for row in history(spark, table)] == ["again"]
    assert [path.name for path in table.parent.iterdir()] == [table.name]


WRITER = """
import time
from pathlib import Path
from sitspark.settings import SparkSettings
from sitspark.spark import session
from sitspark.workflow.tables import write_version

def slowly(batches):
    for batch in batches:
        if batch["id"][0] > 0:
            time.sleep(600)
        yield batch

spark = session(SparkSettings(master="local[2]", driver_memory="1g"), log=Path("spark.log"), delta=True)
write_version(spark.range(0, 2, 1, 2).mapInPandas(slowly, "id bigint"), Path("numbers"), note="killed")
"""


def test_a_killed_write_leaves_the_version_before(spark: SparkSession, table: Path) -> None:
    before, written = contents(table), set(table.glob("*.parquet"))
    writer = subprocess.Popen([sys.executable, "-c", WRITER], cwd=table.parent, start_new_session=True)
    try:
        end = time.monotonic() + 120
        while not any(part.stat().st_size for part in set(table.glob("*.parquet")) - written):
            assert writer.poll() is None and time.monotonic() < end
            time.sleep(0.2)
    finally:
        os.killpg(writer.pid, signal.SIGKILL)
        writer.wait()
    assert contents(table) == before and sorted(ids(table)) == [10, 11]
    assert read_table(spark, table).count() == 2
    write_version(spark.range(5), table, note="third")
    assert sorted(ids(table)) == [0, 1, 2, 3, 4]
    assert [row.userMetadata for row in history(spark, table)] == ["first", "second", "third"]
