"""Training a baseline in one process of its own, which Ctrl-C ends and want of memory kills alone.

torchrun would do it too, and takes as long to start as many a baseline takes to train.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from sitspark.errors import SitsparkError
from sitspark.models.job import TrainingJob
from sitspark.models.rank import raise_killed, raise_rank_error, run_rank

_JOB = "job.pickle"  # in the scratch folder


def run_alone(job: TrainingJob, log: Path, environment: Mapping[str, str]) -> None:
    """Train, with what is printed going to `log`; raises SitsparkError with what ended the process."""
    told = job.scratch / _JOB
    told.write_bytes(pickle.dumps(job))
    with log.open("w", encoding="utf-8") as file:
        # without a shell: a driver that is interrupted kills it
        ended = subprocess.run(
            [sys.executable, "-m", __name__, str(told)],
            stdout=file,
            stderr=subprocess.STDOUT,
            env=os.environ | environment,
            check=False,
        )
    if ended.returncode < 0:
        raise_killed(job, 1)
    raise_rank_error(job, log)
    if ended.returncode:
        raise SitsparkError(f"training {job.model_id} did not begin: its process ended with {ended.returncode}; {log} says why")


if __name__ == "__main__":
    run_rank(pickle.loads(Path(sys.argv[1]).read_bytes()))
