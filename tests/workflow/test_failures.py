"""Whatever fails, the user reads one sentence."""

import pytest
from py4j.clientserver import ClientServer, JavaParameters, PythonParameters
from py4j.protocol import Py4JNetworkError
from pyspark.errors import PythonException

from sitspark.errors import SitsparkError
from sitspark.workflow.failures import sentence_of
from tests.servers import free_port

WORKER = """
  An exception was thrown from the Python worker. Please see the stack trace below.
Traceback (most recent call last):
  File "cube.py", line 111, in _read_asset
{last}
"""


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        pytest.param(SitsparkError("what is\n wrong"), "what is wrong", id="our own"),
        pytest.param(
            PythonException(WORKER.format(last="sitspark.errors.SitsparkError: tile 31TCJ: x.tif can't be read; fetch it")),
            "tile 31TCJ: x.tif can't be read; fetch it",
            id="our own, raised in a worker",
        ),
        pytest.param(
            PythonException(WORKER.format(last="ValueError: bad shape")),
            "Spark stopped: ValueError: bad shape",
            id="a worker's",
        ),
        pytest.param(
            PythonException(
                "Job aborted\n\tat a.b\nCaused by: org.apache.hadoop.fs.ChecksumException: Checksum error: "
                "file:/runs/a b/part-1.parquet at 3999744 exp: -1537970317 got: -1615643820\n\tat c"
            ),
            "/runs/a b/part-1.parquet: can't be read (its checksum is another one); if it is damaged, `sitspark verify RUN "
            "--forget` takes it off the record of the run, and the same command makes it anew",
            id="a part that isn't as it was written",
        ),
        pytest.param(
            PythonException("Job aborted\n\tat a.b\nCaused by: java.io.IOException: Stream closed\n\tat c"),
            "Spark stopped: IOException: Stream closed",
            id="Java's",
        ),
        pytest.param(
            PythonException("Job aborted\n\tat a.b\nCaused by: java.io.IOException: No space left on device\n\tat c"),
            "Spark can't keep what it computes (No space left on device); make room in its folder for temporary files, or name "
            "one on another disk: spark.config: {spark.local.dir: FOLDER}",
            id="a full disk of Spark's own",
        ),
        pytest.param(
            PythonException(
                "java.io.EOFException occurred while reading the port number from sitspark.daemon's stdout. Traceback: "
                "ModuleNotFoundError: Error while finding module specification for 'sitspark.daemon' (No module named "
                "'sitspark')"
            ),
            "Python workers can't be started: sitspark isn't installed where they run; install it on every machine, or start "
            "Spark's own: spark.config: {spark.python.daemon.module: pyspark.daemon}",
            id="workers without the package",
        ),
        pytest.param(
            PythonException("Job aborted due to stage failure: java.lang.OutOfMemoryError: Java heap space"),
            "Spark ran out of memory; raise spark.driver_memory, or lower grid.chunk_size",
            id="memory",
        ),
        pytest.param(
            PythonException("org.apache.spark.SparkException: Python worker exited unexpectedly (crashed)"),
            "a Python worker was killed (out of memory, or by hand); run the same command again to go on",
            id="a killed worker",
        ),
        pytest.param(
            Py4JNetworkError("Answer from Java side is empty"),
            "Spark's Java process was killed (out of memory, or by hand); run the same command again to go on",
            id="a killed JVM",
        ),
        pytest.param(ConnectionRefusedError(111, "Connection refused"), None, id="a connection of somebody else"),
        pytest.param(KeyError("x"), None, id="an unforeseen one"),
    ],
)
def test_any_failure_becomes_one_sentence(error: Exception, sentence: str | None) -> None:
    assert sentence_of(error) == sentence


def test_a_call_after_the_jvm_has_ended_is_told_as_well() -> None:
    gone = ClientServer(JavaParameters(port=free_port(), auto_convert=False), PythonParameters(port=0, daemonize=True))
    with pytest.raises(ConnectionError) as caught:
        gone.jvm.java.lang.System.nanoTime()
    assert "Java process was killed" in (sentence_of(caught.value) or "")
