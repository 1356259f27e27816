"""One process of a training: that of the driver, or one that it starts, with torchrun or by itself; it ends with the driver.

torchrun swallows the errors of its processes, so that each writes its own into `error_rank<r>.json`.
"""

import json
import os
import re
import threading
import time
import traceback
from functools import partial
from pathlib import Path
from typing import NoReturn

from sitspark.atomic import write_atomically
from sitspark.errors import SitsparkError
from sitspark.models.job import TrainingJob
from sitspark.models.torch_state import torch_as_before

# how torchrun tells of a process that SIGKILL ended; the number is its rank on its machine
_KILLED = re.compile(r"exitcode: -9\) local_rank: (\d+)")


def run_here(job: TrainingJob, log: Path) -> None:
    """Train in this process, which is left as it was; raises SitsparkError, of an unforeseen error with an account in `log`."""
    from sitspark.models.loop import train

    try:
        with torch_as_before(), log.open("w", encoding="utf-8") as file:
            train(job, tell=partial(print, file=file, flush=True))
    except SitsparkError:
        raise
    except Exception as error:
        with log.open("a", encoding="utf-8") as file:
            file.write(traceback.format_exc())
        raise _stopped(job, _message(error), log) from None


def run_rank(job: TrainingJob) -> None:
    """Train; on an error note it for the driver and exit with status 1."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    try:
        # a baseline needs no other process, but one apart from the driver, which Ctrl-C ends and want of memory kills alone
        if job.settings.baseline is None:
            from sitspark.models.loop import train

            train(job)
        else:
            from sitspark.models.baselines.training import train_baseline

            train_baseline(job)
    except Exception as error:
        note = {
            "sentence": str(error) if isinstance(error, SitsparkError) else None,
            "message": _message(error),
            "trace": traceback.format_exc(),
        }
        write_atomically(job.scratch / f"error_rank{os.environ.get('RANK', '0')}.json", json.dumps(note))
        raise SystemExit(1) from None


def raise_rank_error(job: TrainingJob, log: Path) -> None:
    """Raise what a process noted, if one did: a sentence if there is one, else that one was killed, else the lowest rank's.

    When one process stops, the others fail for want of it: their errors say nothing. `log` is what torchrun printed.
    """
    notes = [json.loads(path.read_text()) for path in sorted(job.scratch.glob("error_rank*.json"))]
    sentences = [note["sentence"] for note in notes if note["sentence"]]
    if sentences:
        raise SitsparkError(sentences[0])
    killed = _KILLED.search(log.read_text(encoding="utf-8", errors="replace"))
    if killed:
        raise_killed(job, int(killed[1]) + 1)
    if notes:
        with log.open("a", encoding="utf-8") as file:
            file.writelines(note["trace"] for note in notes)
        raise _stopped(job, notes[0]["message"], log)


def raise_killed(job: TrainingJob, process: int) -> NoReturn:
    """Raise what there is to say where a process, counted from 1 on, was killed."""
    raise SitsparkError(
        f"training {job.model_id}: process {process} of {job.settings.ranks} was killed, most likely for want of memory; run "
        "the same command again to go on, with a lower training.memory or fewer training.processes"
    )


def _message(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _stopped(job: TrainingJob, message: str, log: Path) -> SitsparkError:
    return SitsparkError(f"training {job.model_id} stopped: {message}; {log} has the whole account")


def _end_with(parent: int) -> None:
    """End this process when its parent is gone: a killed driver must not leave it computing."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
