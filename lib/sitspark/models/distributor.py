"""Training in this process, or in several through Spark's TorchDistributor: tells progress, brings errors and the card back."""

import json
import logging
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any, TextIO

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.ml.torch.distributor import TorchDistributor
from pyspark.sql import SparkSession

import sitspark
from sitspark.errors import SitsparkError, counted
from sitspark.models.alone import run_alone
from sitspark.models.card import CARD, ModelCard, read_card
from sitspark.models.job import LOG, TrainingJob
from sitspark.models.model import remove_model
from sitspark.models.rank import raise_rank_error, run_here, run_rank
from sitspark.spark import tasks_at_a_time

OnEpoch = Callable[[dict[str, Any]], None]

_POLL = 0.2  # seconds between two looks at the progress


def fit(job: TrainingJob, *, spark: SparkSession | None = None, on_epoch: OnEpoch | None = None) -> ModelCard:
    """Train a model in `training.processes` processes, on this machine or as tasks of the executors; gives its card.

    One process of the driver's machine is the driver itself, but for a baseline, whose libraries Ctrl-C doesn't reach and which
    has one of its own; all others are started through a Spark session. A model that is in the folder already is replaced; a
    checkpoint of the same training is gone on from. `on_epoch` is called, from another thread, with the fields of the latest
    `Epoch` and `epochs`, their number in all. What other processes print goes to `training.log` in the folder of the model.
    Raises SitsparkError with the sentence of the process that failed, without a Spark session where one is needed, or where
    executors have fewer cores than there are processes.
    """
    session = None if job.settings.where == "driver" and job.settings.ranks == 1 else _session(job, spark)
    remove_model(job.folder)
    shutil.rmtree(job.scratch, ignore_errors=True)
    for folder in (job.folder, job.scratch):
        folder.mkdir(parents=True, exist_ok=True)
    log = job.folder / LOG
    try:
        log.unlink(missing_ok=True)
        with _reported(job.progress, on_epoch):
            if session is not None:
                _run_apart(job, session, log)
            elif job.settings.baseline is None:
                run_here(job, log)
            else:
                run_alone(job, log, _variables(job))
        if not (job.folder / CARD).exists():
            raise SitsparkError(
                f"training {job.model_id} was ended from outside (often for want of memory); {log} tells more; run it again, "
                "with fewer training.processes if memory is short"
            )
    finally:
        shutil.rmtree(job.scratch, ignore_errors=True)
    return read_card(job.folder)


def _session(job: TrainingJob, spark: SparkSession | None) -> SparkSession:
    session = spark or SparkSession.getActiveSession()
    if session is None:
        raise SitsparkError("training needs a Spark session, and none is active; start one with sitspark.spark.session")
    if job.settings.where == "executors":
        _refuse_few_cores(job, session)
    return session


def _run_apart(job: TrainingJob, spark: SparkSession, log: Path) -> None:
    """Train in processes that torchrun starts; raises SitsparkError with what ended them."""
    with _environment(_variables(job)), log.open("w", encoding="utf-8") as file:
        _distribute(job, spark, file)
    raise_rank_error(job, log)


def _distribute(job: TrainingJob, spark: SparkSession, file: TextIO) -> None:
    """Run the processes to their end, with all that they and the distributor print going to `file`."""
    on_driver = job.settings.where == "driver"
    with _logged_to(file):
        distributor = TorchDistributor(
            num_processes=job.settings.ranks, local_mode=on_driver, use_gpu=not on_driver and _hands_out_gpus(job, spark)
        )
        if on_driver:
            distributor.input_params["log_streaming_client"] = _LogFile(file)
        # what failed is in the notes of the processes; that nothing failed is proven by the card alone, since the value
        # that run returns is a race of the processes. What executors print arrives at standard error
        with redirect_stderr(file):
            try:
                distributor.run(run_rank, job)
            except (RuntimeError, PySparkException, Py4JJavaError) as error:
                file.write(f"{error}\n")


def _hands_out_gpus(job: TrainingJob, spark: SparkSession) -> bool:
    """Whether each task of an executor gets a GPU of its own, which the cluster's settings say."""
    return job.settings.device != "cpu" and int(spark.conf.get("spark.task.resource.gpu.amount", "0") or 0) > 0


def _refuse_few_cores(job: TrainingJob, spark: SparkSession) -> None:
    # Spark itself would wait for ten minutes before it says so
    cores = tasks_at_a_time(spark)
    if cores < job.settings.ranks:
        raise SitsparkError(
            f"training.processes: {job.settings.ranks} processes have to run at once, and the executors have "
            f"{counted(cores, 'core')}; lower it, or give spark.master more"
        )


class _LogFile:
    """What TorchDistributor takes for a client of its log server, and then doesn't print to standard output itself."""

    failed = False

    def __init__(self, file: TextIO) -> None:
        self.sock = self
        self._file = file

    def getsockname(self) -> tuple[str, int]:
        """An address; equal to the peer's, which means that the other end prints."""
        return "127.0.0.1", 0

    getpeername = getsockname

    def send(self, line: str) -> None:
        """Take one line."""
        self._file.write(line + "\n")
        self._file.flush()


@contextmanager
def _logged_to(file: TextIO) -> Iterator[None]:
    """Send TorchDistributor's own log there instead of to the terminal."""
    logger, handler = logging.getLogger(TorchDistributor.__name__), logging.StreamHandler(file)
    propagated, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagated


def _variables(job: TrainingJob) -> Mapping[str, str]:
    """What the processes need to know from their environment."""
    source = str(Path(sitspark.__file__).parents[1])
    inherited = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return {
        "PYTHONPATH": os.pathsep.join([source, *inherited]),
        "PYSPARK_PYTHON": sys.executable,
        "OMP_NUM_THREADS": str(job.settings.threads),
        "PET_LOCAL_ADDR": "127.0.0.1",  # torchrun's --local-addr: a laptop's host name often resolves to no address
    }


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _reported(progress: Path, on_epoch: OnEpoch | None) -> Iterator[None]:
    """Tell each new state of the progress file while the block runs, and the last one at its end."""
    if on_epoch is None:
        yield
        return
    finished = threading.Event()

    def look() -> None:
        told = ""
        while True:
            last = finished.wait(_POLL)
            text = progress.read_text(encoding="utf-8") if progress.exists() else ""
            if text != told:
                on_epoch(json.loads(text))
                told = text
            if last:
                return

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()
