"""Training on Spark's TorchDistributor: the loop in processes of its own, watched from the driver."""

import contextlib
import json
import logging
import os
import shutil
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pyspark.ml.torch.distributor import TorchDistributor

from sitspark.errors import SitsparkError
from sitspark.models.card import CARD, ModelCard, read_card
from sitspark.models.loop import PROGRESS, TrainingJob, train

_POLL = 0.3  # seconds between two looks at the progress file
LOG = "training.log"


def fit(job: TrainingJob, *, on_epoch: Callable[[dict[str, Any]], None]) -> ModelCard:
    """Train a model and give its card; `on_epoch` hears of every finished epoch.

    Raises SitsparkError with the sentence of the process that failed; what the processes print goes to training.log.
    """
    shutil.rmtree(job.folder, ignore_errors=True)
    job.folder.mkdir(parents=True)
    # it runs on the active session
    distributor = TorchDistributor(num_processes=job.settings.processes, local_mode=True, use_gpu=False)
    logging.getLogger("TorchDistributor").setLevel(logging.WARNING)
    try:
        with _watched(job.folder / PROGRESS, on_epoch), _stdout_to(job.folder / LOG):
            # its return value is a race between processes: the files of the first one are what counts
            distributor.run(_train, job, os.getpid())
    except RuntimeError as error:
        raise SitsparkError(_failure(job.folder)) from error
    finally:
        shutil.rmtree(job.scratch, ignore_errors=True)
    if not (job.folder / CARD).exists():
        raise SitsparkError(_failure(job.folder))
    (job.folder / PROGRESS).unlink(missing_ok=True)
    return read_card(job.folder)


def _train(job: TrainingJob, driver: int) -> None:
    """What each process runs: the loop, its errors kept in a file, its end tied to that of the driver."""
    _end_with(driver)
    try:
        train(job)
    except Exception as error:
        rank = os.environ.get("RANK", "0")
        sentence = str(error) if isinstance(error, SitsparkError) else f"training: {type(error).__name__}: {error}"
        (job.folder / f"error_rank{rank}.txt").write_text(f"{sentence}\n{traceback.format_exc()}")
        raise


def _end_with(driver: int) -> None:
    """End this process when the driver is gone: a killed run must not go on writing its model."""

    def watch() -> None:
        while True:
            time.sleep(_POLL)
            try:
                os.kill(driver, 0)
            except ProcessLookupError:
                os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _failure(folder: Path) -> str:
    """The sentence of the first process that left one."""
    errors = sorted(folder.glob("error_rank*.txt"))
    if errors:
        return errors[0].read_text().splitlines()[0]
    return f"training ended without a model; see {folder / LOG}"


@contextlib.contextmanager
def _watched(progress: Path, on_epoch: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    finished = threading.Event()

    def look() -> None:
        seen = 0
        while not finished.wait(_POLL):
            if progress.exists():
                found = json.loads(progress.read_text())
                if found["epoch"] != seen:
                    seen = found["epoch"]
                    on_epoch(found)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()


@contextlib.contextmanager
def _stdout_to(log: Path) -> Iterator[None]:
    """TorchDistributor writes what its processes print to sys.stdout."""
    with log.open("w") as file, contextlib.redirect_stdout(file):
        yield
