"""One process of a training, as torchrun starts it: trains, tells an error by a file, ends with the driver.

torchrun swallows the errors of its processes, so that each writes its own into `error_rank<r>.json`.
"""

import json
import os
import threading
import time
import traceback
from pathlib import Path

from sitspark.atomic import write_atomically
from sitspark.errors import SitsparkError
from sitspark.models.job import TrainingJob


def run_rank(job: TrainingJob) -> None:
    """Train; on an error note it for the driver and exit with status 1."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    try:
        # a baseline needs no other process, but one apart from the driver, which Ctrl-C ends and want of memory kills alone;
        # the libraries of the one take the other a second to import
        if job.settings.baseline is None:
            from sitspark.models.loop import train

            train(job)
        else:
            from sitspark.models.baselines.training import train_baseline

            train_baseline(job)
    except Exception as error:
        note = {
            "sentence": str(error) if isinstance(error, SitsparkError) else None,
            "message": f"{type(error).__name__}: {error}",
            "trace": traceback.format_exc(),
        }
        write_atomically(job.scratch / f"error_rank{os.environ.get('RANK', '0')}.json", json.dumps(note))
        raise SystemExit(1) from None


def raise_rank_error(job: TrainingJob, log: Path) -> None:
    """Raise what a process noted, if one did: a sentence if there is one, else the error of the lowest rank.

    When one process stops, the others fail for want of it: their errors say nothing.
    """
    notes = [json.loads(path.read_text()) for path in sorted(job.scratch.glob("error_rank*.json"))]
    sentences = [note["sentence"] for note in notes if note["sentence"]]
    if sentences:
        raise SitsparkError(sentences[0])
    if notes:
        with log.open("a", encoding="utf-8") as file:
            file.writelines(note["trace"] for note in notes)
        raise SitsparkError(f"training {job.model_id} stopped: {notes[0]['message']}; {log} has the whole account")


def _end_with(parent: int) -> None:
    """End this process when its parent is gone: a killed driver must not leave it computing."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
