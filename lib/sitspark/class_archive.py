"""Make the archive of the classes that a session loads: `python -m sitspark.class_archive`, once after the installation.

A JVM that maps it has a session in two thirds of the time (tests/benchmarks/start.py). It takes 190 MB in the environment.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from shutil import rmtree
from typing import Any

import pyarrow as pa
from filelock import FileLock
from pyspark.sql import SparkSession

from sitspark import spark as sessions
from sitspark.errors import SitsparkError
from sitspark.java import CLASS_ARCHIVE, PACKAGED_JAVA, java_home, quoted
from sitspark.settings import SparkSettings

_DRAFTS = "spark.jsa.making."
_LONGEST = 300  # seconds until a JVM has written what it loaded: it takes ten


def make() -> Path:
    """Let a session do a little of everything, and keep the classes that its JVM has loaded when it ends.

    Raises SitsparkError where the JVM doesn't write them.
    """
    CLASS_ARCHIVE.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(CLASS_ARCHIVE.with_suffix(".lock")):
        for left_behind in CLASS_ARCHIVE.parent.glob(f"{_DRAFTS}*"):
            rmtree(left_behind)
        # a JVM that maps an archive writes none; those that have it mapped keep it
        CLASS_ARCHIVE.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(prefix=_DRAFTS, dir=CLASS_ARCHIVE.parent) as folder:
            draft = Path(folder) / CLASS_ARCHIVE.name
            code = _written_by_a_session(draft)
            if code or not draft.is_file():
                raise SitsparkError(f"{CLASS_ARCHIVE}: Java wrote no archive of its classes (it ended with code {code})")
            # of one that a power cut shortened a JVM would die
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            draft.replace(CLASS_ARCHIVE)
    return CLASS_ARCHIVE


def _written_by_a_session(draft: Path) -> int:
    """Start a session, use it, end it; gives the exit code of its JVM, which writes the draft as the last thing it does."""
    _make_base()
    # a JVM of a minute gains nothing by its second compiler
    options = f"-XX:ArchiveClassesAtExit={quoted(draft)} -Xlog:disable -Xlog:all=error:stderr -XX:TieredStopAtLevel=1"
    config = {"spark.driver.extraJavaOptions": options}
    settings = SparkSettings.model_validate({"master": "local[1]", "driver_memory": "1g", "config": config})
    spark = sessions.session(settings, log=draft.with_name("spark.log"))
    gateway: Any = spark.sparkContext._gateway
    jvm: subprocess.Popen[bytes] = gateway.proc
    try:
        _a_little_of_everything(spark, draft.with_name("table"))
        spark.stop()
        # pyspark's JVM ends with its standard input
        jvm.communicate(timeout=_LONGEST)
    finally:
        jvm.kill()
    return jvm.wait()


def _make_base() -> None:
    """See to it that the packaged Java has an archive of its own classes, on which ours builds: it comes without."""
    if java_home() != PACKAGED_JAVA:
        return
    java = PACKAGED_JAVA / "bin" / "java"
    if subprocess.run([java, "-Xshare:on", "-version"], capture_output=True, check=False).returncode:
        answer = subprocess.run([java, "-Xshare:dump"], capture_output=True, text=True, check=False)
        if answer.returncode:
            raise SitsparkError(
                f"the packaged Java can't keep its own classes: {(answer.stdout + answer.stderr)[-300:].strip()}"
            )


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
    except Exception as error:
        # whatever it is: nothing that a user does needs it
        sys.exit(f"{type(error).__name__}: {error}\nWithout it everything works, and commands start some seconds later.")
