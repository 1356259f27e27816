"""Make the archive of the classes that a session loads: `python -m sitspark.class_archive`, once after the installation.

A JVM that maps it starts a session in less than two thirds of the time (tests/benchmarks/start.py). The archive takes 190 MB in
the environment.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql import SparkSession

from sitspark import spark as sessions
from sitspark.errors import SitsparkError
from sitspark.java import CLASS_ARCHIVE, java_home
from sitspark.settings import SparkSettings


def make() -> Path:
    """Let a session do a little of everything, and keep the classes that its JVM has loaded when it ends.

    Raises SitsparkError where the JVM can't write them.
    """
    CLASS_ARCHIVE.parent.mkdir(parents=True, exist_ok=True)
    _base_archive()
    # the new one is made from no other, and one that is in use is taken away by no one
    draft = CLASS_ARCHIVE.with_name(f"{CLASS_ARCHIVE.name}.{os.getpid()}")
    CLASS_ARCHIVE.unlink(missing_ok=True)
    # a JVM of minutes gains nothing by its second compiler
    options = f"-XX:ArchiveClassesAtExit={draft} -Xlog:cds=off -Xlog:cds+dynamic=off -XX:TieredStopAtLevel=1"
    config = {"spark.driver.extraJavaOptions": options}
    settings = SparkSettings.model_validate({"master": "local[1]", "driver_memory": "1g", "config": config})
    with tempfile.TemporaryDirectory() as scratch:
        spark = sessions.session(settings, log=Path(scratch) / "spark.log")
        _a_little_of_everything(spark, Path(scratch) / "table")
        jvm = _process_of(spark)
        spark.stop()
        # pyspark's JVM ends with its standard input
        jvm.communicate()
        if not draft.is_file():
            raise SitsparkError(
                f"{CLASS_ARCHIVE}: Java wrote no archive of its classes; its log ends with: "
                f"{(Path(scratch) / 'spark.log').read_text()[-500:].strip()}"
            )
    draft.replace(CLASS_ARCHIVE)
    return CLASS_ARCHIVE


def _process_of(spark: SparkSession) -> "subprocess.Popen[bytes]":
    gateway: Any = spark.sparkContext._gateway
    return gateway.proc  # type: ignore[no-any-return]


def _base_archive() -> None:
    """The classes of Java itself, on which the archive builds: a runtime that was put together by jlink comes without."""
    java = java_home() / "bin" / "java"
    if subprocess.run([java, "-Xshare:on", "-version"], capture_output=True, check=False).returncode:
        subprocess.run([java, "-Xshare:dump"], capture_output=True, check=False)


def _a_little_of_everything(spark: SparkSession, folder: Path) -> None:
    """What the stages have Spark do: tables in Parquet, joins by place and by key, groups, windows, Python."""
    points = spark.range(100).selectExpr("id", "id % 7 as label", "ST_Point(id, id) as geometry")
    points.write.format("geoparquet").save(sessions.location(folder))
    points = spark.read.format("geoparquet").load(sessions.location(folder))
    points.createOrReplaceTempView("points")
    spark.sql(
        "select label, count(*) over (partition by label order by id) from points "
        "join (select id as other, ST_Buffer(geometry, 1) as box from points) on ST_Intersects(geometry, box)"
    ).repartition(2).collect()
    points.drop("geometry").mapInArrow(_the_same, "id long, label long").groupBy("label").count().toPandas()


def _the_same(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
    yield from batches


if __name__ == "__main__":
    try:
        make()
    except SitsparkError as error:
        sys.exit(f"{error}\nWithout it everything works, and each command starts some seconds later.")
