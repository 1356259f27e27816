import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch

from sitspark.models.card import HISTORY, WEIGHTS
from sitspark.models.checkpoint import CHECKPOINT
from sitspark.models.job import TrainingJob
from sitspark.models.loop import train

from .tables import job

ROOT = Path(__file__).parents[2]
# one process, to be killed; it waits where it should be hit
TRAINING = """
import sys, time
from pathlib import Path
from sitspark.models import loop
from tests.models.tables import job
whole = loop._epoch
def slow(*args, history, **kwargs):
    if len(history) == 6:
        print("epoch 7", flush=True)
        time.sleep(60)
    return whole(*args, history=history, **kwargs)
loop._epoch = slow
loop.train(job(Path(sys.argv[1]), Path(sys.argv[2]), epochs=9, schedule={"kind": "cosine", "warm_up": 2}))
"""


def killed_in_epoch_7(samples: Path, root: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(["lib", "."])}
    command = [sys.executable, "-c", TRAINING, str(samples), str(root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == "epoch 7\n"
    process.kill()
    process.wait()


def again(samples: Path, root: Path, **settings: object) -> TrainingJob:
    chosen = {"epochs": 9, "schedule": {"kind": "cosine", "warm_up": 2}} | settings
    return job(samples, root, **chosen)


def noted(of: TrainingJob) -> pd.DataFrame:
    return pd.read_parquet(of.folder / HISTORY).drop(columns=["seconds", "samples_per_second"])


def test_a_training_that_was_killed_ends_with_the_bytes_of_one_that_was_not(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_in_epoch_7(samples, tmp_path / "killed")
    resumed, undisturbed = again(samples, tmp_path / "killed"), again(samples, tmp_path / "whole")
    begun = time.time()
    train(resumed)
    train(undisturbed)
    assert (resumed.folder / WEIGHTS).read_bytes() == (undisturbed.folder / WEIGHTS).read_bytes()
    pd.testing.assert_frame_equal(noted(resumed), noted(undisturbed))
    # of the six epochs before the kill the times are those of then
    assert pd.read_parquet(resumed.folder / HISTORY)["seconds"].sum() > 0 and begun > 0
    assert not (resumed.folder / CHECKPOINT).exists()


def checkpoint_of(samples: Path, root: Path, epochs: int, **settings: object) -> TrainingJob:
    """A job whose checkpoint is of so many epochs."""
    done = again(samples, root, epochs=epochs, schedule={"kind": "constant"}, **settings)
    kept: list[bytes] = []
    unlink = Path.unlink

    def keep(path: Path, missing_ok: bool = False) -> None:
        if path.name == CHECKPOINT:
            kept.append(path.read_bytes())
        unlink(path, missing_ok=missing_ok)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "unlink", keep)
        train(done)
    (done.folder / CHECKPOINT).write_bytes(kept[0])
    return done


def epochs_run(root: Path, monkeypatch: pytest.MonkeyPatch, samples: Path, **settings: object) -> list[int]:
    """The epochs that a training runs which finds what is in `root`."""
    from sitspark.models import loop

    run: list[int] = []
    whole = loop._epoch

    def counted(*args: object, history: tuple[object, ...], **kwargs: object) -> object:
        run.append(len(history) + 1)
        return whole(*args, history=history, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "_epoch", counted)
    train(again(samples, root, **({"schedule": {"kind": "constant"}} | settings)))
    return run


@pytest.mark.parametrize(
    ("changed", "first"),
    [
        ({}, 4),
        ({"epochs": 6}, 4),
        ({"threads": 2}, 4),
        ({"learning_rate": 0.02}, 1),
        ({"batch_size": 64}, 1),
        ({"checkpoint": {"restart": False}}, 1),
    ],
    ids=["same", "more epochs", "threads", "rate", "batches", "not wanted"],
)
def test_a_checkpoint_is_taken_by_the_same_training_alone(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, object], first: int
) -> None:
    checkpoint_of(samples, tmp_path, 3)
    run = epochs_run(tmp_path, monkeypatch, samples, **({"epochs": 5} | changed))
    assert run[0] == first


def test_a_broken_checkpoint_is_passed_over(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = checkpoint_of(samples, tmp_path, 3)
    content = (done.folder / CHECKPOINT).read_bytes()
    (done.folder / CHECKPOINT).write_bytes(content[: len(content) // 2])
    assert epochs_run(tmp_path, monkeypatch, samples, epochs=4) == [1, 2, 3, 4]


def test_checkpoints_come_after_so_many_epochs(samples: Path, tmp_path: Path) -> None:
    done = checkpoint_of(samples, tmp_path, 5, checkpoint={"epochs": 2})
    assert len(torch.load(done.folder / CHECKPOINT, weights_only=True)["history"]) == 4
