"""From any exception to the one sentence that a user can act on."""

import re
import traceback
from pathlib import Path

from py4j.protocol import Py4JNetworkError
from pyspark.errors import PySparkException

from sitspark.errors import SitsparkError
from sitspark.parts import unreadable

# the last line of a Python worker's trace, as Spark quotes it
_SENTENCE = re.compile(r"^(?:\w+\.)*SitsparkError: (.+)$", re.MULTILINE)
_PYTHON_ERROR = re.compile(r"^((?:\w+\.)*\w*(?:Error|Exception)): (.+)$", re.MULTILINE)
_JAVA_CAUSE = re.compile(r"^Caused by: (?:[\w$]+\.)*(.+)$", re.MULTILINE)
# what Python says of a module that is to be the parent of workers, and isn't there
_NO_DAEMON = "module specification for 'sitspark.daemon'"
# of a disk, as the system says it
_FULL = re.compile(r"No space left on device|Disk quota exceeded|File too large")
# what Hadoop's local file system finds in a file that it wrote itself
_CHECKSUM = re.compile(r"Checksum error: (?:file:)?(?P<part>/.+?) at ")
# the draft of a table, or a Delta table in its place
_TABLE = re.compile(r"Task failed while writing rows to file:(?P<folder>\S.*)/\.?(?P<table>\w+)\S*\. SQLSTATE")


def sentence_of(error: BaseException) -> str | None:
    """The sentence of an error, also of one that a worker raised and Spark wrapped; None for an unforeseen one."""
    if isinstance(error, SitsparkError):
        return str(error)
    if _is_java_gone(error):
        return "Spark's Java process was killed (out of memory, or by hand); run the same command again to go on"
    text = str(error)
    found = _SENTENCE.findall(text)
    if found:
        return str(found[-1]).strip()
    if isinstance(error, PySparkException) or type(error).__module__.startswith("py4j"):
        if _NO_DAEMON in text:
            return (
                "Python workers can't be started: sitspark isn't installed where they run; install it on every machine, or "
                "start Spark's own: spark.config: {spark.python.daemon.module: pyspark.daemon}"
            )
        if "OutOfMemoryError" in text:
            return "Spark ran out of memory; raise spark.driver_memory, or lower grid.chunk_size"
        if "Python worker exited unexpectedly" in text or "MetadataFetchFailed" in text:
            return "a Python worker was killed (out of memory, or by hand); run the same command again to go on"
        full = _FULL.search(text)
        if full:
            return _no_room(full[0], _TABLE.search(text))
        checked = _CHECKSUM.search(text)
        if checked:
            return str(unreadable(checked["part"], "its checksum is another one"))
        worker = _PYTHON_ERROR.findall(text)
        java = _JAVA_CAUSE.findall(text)
        cause = f"{worker[-1][0]}: {worker[-1][1]}" if worker else (java or text.strip().splitlines())[-1 if java else 0]
        return f"Spark stopped: {cause[:300]}"
    return None


def _is_java_gone(error: BaseException) -> bool:
    """Whether the JVM doesn't answer any more: the call on which it ended fails otherwise than those after it."""
    if isinstance(error, Py4JNetworkError):
        return True
    frames = traceback.extract_tb(error.__traceback__)
    return isinstance(error, ConnectionError) and any(Path(frame.filename).parent.name == "py4j" for frame in frames)


def _no_room(reason: str, table: re.Match[str] | None) -> str:
    if table:
        return (
            f"{table['folder']}/{table['table']}: can't be written ({reason}); make room there, then run the same command again"
        )
    return (
        f"Spark can't keep what it computes ({reason}); make room in its folder for temporary files, or name one "
        "on another disk: spark.config: {spark.local.dir: FOLDER}"
    )
