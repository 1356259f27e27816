"""The one place where a session is built, and the versions of its packages are pinned."""

import contextlib
import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from filelock import FileLock
from pyspark.accumulators import AccumulatorServer
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from sedona.spark import SedonaContext

from sitspark import interrupts
from sitspark.errors import SitsparkError
from sitspark.java import default_options, java_home
from sitspark.settings import SparkSettings

# 1.8.0 is the Sedona release for Spark 4.0 and Scala 2.13; the GeoTools wrapper is the one that release names
PACKAGES = (
    "org.apache.sedona:sedona-spark-shaded-4.0_2.13:1.8.0",
    "org.datasyslab:geotools-wrapper:1.8.1-33.1",
)
# the Delta release for Spark 4.0, and what makes its tables and its SQL known to a session
DELTA = "io.delta:delta-spark_2.13:4.0.0"
DELTA_PROPERTIES: Mapping[str, str] = {
    # with Sedona's, in case the properties of spark-submit name it
    "spark.sql.extensions": "org.apache.sedona.sql.SedonaSqlExtensions,io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
_OF_SEDONA = "ST_SubDivideExplode"  # a function that no other extension has
_MANY = 2**20  # more rows than a cluster has cores
_OF_THE_JVM = "spark.driver.defaultJavaOptions"
_IVY = "~/.ivy2.5.2"  # where Spark 4.0 keeps the packages that it fetched


def session(settings: SparkSettings, *, log: Path | None = None, delta: bool = False) -> SparkSession:
    """The running session (a notebook's, spark-submit's) or a new one, with Sedona's functions registered.

    What the JVM and its workers print goes to the file `log`, so that the terminal stays readable. `delta`: tables of Delta
    are read or written; raises SitsparkError where the running session knows none.
    """
    spark = _session(settings, log, [*PACKAGES, DELTA] if delta else PACKAGES)
    if delta:
        refuse_without_delta(spark)
    return spark


def tasks_at_a_time(spark: SparkSession) -> int:
    """How many tasks the session runs at a time, asked without the context that Spark Connect doesn't have.

    A range has as many parts, unless it is told otherwise.
    """
    return spark.range(_MANY).select(F.spark_partition_id().alias("part")).distinct().count()


def _session(settings: SparkSettings, log: Path | None, packages: Sequence[str]) -> SparkSession:
    active = SparkSession.getActiveSession()
    if active is not None:
        for key, value in ALWAYS.items():
            active.conf.set(key, value)
        # what it registers anew at every call takes 0.3 s
        spark: SparkSession = active if active.catalog.functionExists(_OF_SEDONA) else SedonaContext.create(active)
        return spark
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    # a laptop's host name often resolves to no address that the driver can bind
    if settings.master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ["JAVA_HOME"] = str(java_home())
    builder = SedonaContext.builder().appName("sitspark")
    chosen = dict(ALWAYS) | settings.config
    fetching: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
    # under spark-submit all the rest is the cluster's business
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        builder = builder.master(settings.master).config("spark.driver.memory", settings.driver_memory)
        builder = builder.config("spark.jars.packages", ",".join(packages))
        chosen = dict(ON_A_LAPTOP) | dict(FORKED) | (dict(DELTA_PROPERTIES) if DELTA in packages else {}) | chosen
        # Spark puts them before those of spark.driver.extraJavaOptions, wherever these are set
        chosen[_OF_THE_JVM] = f"{default_options()} {chosen.get(_OF_THE_JVM, '')}".strip()
        fetching = alone_while_fetching(Path(chosen.get("spark.jars.ivy", _IVY)).expanduser(), packages)
    for key, value in chosen.items():
        builder = builder.config(key, value)
    # a JVM that is interrupted while starting outlives its driver, and the handler that pyspark puts in place cancels
    # jobs over a connection that may be waiting for an answer
    with (
        fetching,
        _stderr_to(log),
        interrupts.deferred("stopping as soon as Spark has started"),
        _jars_missed(),
    ):
        spark = SedonaContext.create(builder.getOrCreate())
    # of a JVM that is killed it would print a trace beside the sentence that says so
    AccumulatorServer.handle_error = lambda *_: None  # type: ignore[method-assign]
    return spark


@contextlib.contextmanager
def alone_while_fetching(cache: Path, packages: Sequence[str]) -> Iterator[None]:
    """Be the only one who starts as long as JARs aren't in Spark's cache: two downloads spoil each other's files."""
    jars = [cache / "jars" / f"{package.replace(':', '_', 1).replace(':', '-')}.jar" for package in packages]
    if all(jar.is_file() for jar in jars):
        yield
        return
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / "sitspark.lock"):
        yield


@contextlib.contextmanager
def _jars_missed() -> Iterator[None]:
    """Say what a JVM without Sedona's JARs lacks, instead of the class that it didn't find."""
    try:
        yield
    except Exception as error:
        if "sedona" not in str(error).lower():
            raise
        raise SitsparkError(
            "Spark was started without Sedona's JARs; start it as spark-submit --properties-file conf/spark-defaults.conf "
            f"jobs/run.py SETTINGS, or with --packages {','.join(PACKAGES)}"
        ) from None


def refuse_without_delta(spark: SparkSession) -> None:
    """Raise SitsparkError where a session can't read Delta tables, with what it takes."""
    # the answer of a session that can't is noted there in JSON
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    try:
        # each platform brings Delta in its own way: what tells is how SQL answers where there is no table
        spark.sql("describe history delta.`file:///nowhere`")
    except Exception as error:
        if "[DELTA_" in str(error):
            return
    properties = " ".join(f"--conf {key}={value}" for key, value in DELTA_PROPERTIES.items())
    raise SitsparkError(
        f"the Spark session that runs knows no Delta tables; start it with --packages {','.join((*PACKAGES, DELTA))} "
        f"{properties} (conf/spark-defaults.conf has them in a comment), or choose tables.format: parquet"
    )


def local_cores(master: str) -> int | None:
    """The tasks at a time that a master of this machine has, as local[2]; None for a cluster."""
    if not master.startswith("local"):
        return None
    inside = master.partition("[")[2].rstrip("]").split(",")[0]
    return int(inside) if inside.isdigit() else 1 if master == "local" else os.cpu_count() or 1


def machine_memory_mb() -> int:
    """The memory of this machine."""
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e6)


def on_one_machine(settings: SparkSettings) -> bool:
    """Whether tasks run on the driver's machine; a session that there is already, as in a notebook, knows it itself."""
    active = SparkSession.getActiveSession()
    if active is not None:
        return (active.conf.get("spark.master", "") or "").startswith("local")
    return "PYSPARK_GATEWAY_PORT" not in os.environ and settings.master.startswith("local")


def location(path: Path) -> str:
    """A path as Spark writes it: always of the local or shared file system, whatever file system is its default."""
    return f"file://{path.resolve()}"


def pattern(path: Path) -> str:
    """A path as Spark reads it: like `location`, and characters that it would expand stand for themselves."""
    return re.sub(r"([\[\]{}*?\\])", r"\\\1", location(path))


ALWAYS: Mapping[str, str] = {
    # acquisition times are in UTC, and days are counted in it
    "spark.sql.session.timeZone": "UTC",
    # frames made from pandas keep their missing integers
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # a variable of the environment asks workers of SQL's functions for short traces, and Spark keeps workers by their
    # environment: RDDs, as createDataFrame makes of rows, would have others, with torch in memory once more
    "spark.sql.execution.pyspark.udf.simplifiedTraceback.enabled": "false",
}

ON_A_LAPTOP: Mapping[str, str] = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    # a chunk is a task of seconds: nothing is gained by 200 partitions of a few rows
    "spark.sql.shuffle.partitions": "16",
    # a task on polygons takes seconds for ten megabytes: with Spark's 128 two cores wouldn't end together
    "spark.sql.files.maxPartitionBytes": "32m",
    # else spark-submit gives the JARs of the packages to Python workers too, which read their directories at every task
    "spark.submit.pyFiles": "",
    # the log of a Delta table of a run is a few lines: nothing is gained by 50 tasks
    "spark.databricks.delta.snapshotPartitions": "1",
    # the sentence of a Python error is wanted, not a second copy of its trace
    "spark.sql.pyspark.jvmStacktrace.enabled": "false",
}


# of sessions on Linux: workers are forked with torch, numba and GDAL in memory, which they share. Libraries of macOS don't bear
# a fork, and Windows has none
FORKED: Mapping[str, str] = {"spark.python.daemon.module": "sitspark.daemon"} if sys.platform == "linux" else {}


@contextlib.contextmanager
def _stderr_to(log: Path | None) -> Iterator[None]:
    """Let a child process that starts in this block inherit the log file as its standard error."""
    if log is None:
        yield
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    saved = os.dup(2)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.dup2(target, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(target)
