import io
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from sitspark.models import checkpoint
from sitspark.models.card import HISTORY, WEIGHTS, read_card
from sitspark.models.checkpoint import CHECKPOINT
from sitspark.models.distributor import fit
from sitspark.models.job import TrainingJob
from sitspark.models.loop import train
from sitspark.models.process_group import ProcessGroup

from .tables import job

ROOT = Path(__file__).parents[2]
# a driver that trains itself, to be killed; it waits where it should be hit
TRAINING = """
import sys, time
from pathlib import Path
from sitspark.models import loop
from sitspark.models.distributor import fit
from tests.models.tables import job
whole = loop._epoch
def slow(*args, history, **kwargs):
    if len(history) == 6:
        print("epoch 7", flush=True)
        time.sleep(60)
    return whole(*args, history=history, **kwargs)
loop._epoch = slow
fit(job(Path(sys.argv[1]), Path(sys.argv[2]), epochs=9, schedule={"kind": "cosine", "warm_up": 2}))
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


def test_a_training_that_was_killed_ends_with_the_bytes_of_one_that_was_not(samples: Path, tmp_path: Path) -> None:
    killed_in_epoch_7(samples, tmp_path / "killed")
    resumed, undisturbed = again(samples, tmp_path / "killed"), again(samples, tmp_path / "whole")
    told: list[int] = []
    fit(resumed, on_epoch=lambda progress: told.append(progress["resumed"]))
    assert told[-1] == 6
    train(undisturbed)
    assert (resumed.folder / WEIGHTS).read_bytes() == (undisturbed.folder / WEIGHTS).read_bytes()
    pd.testing.assert_frame_equal(noted(resumed), noted(undisturbed))
    assert not (resumed.folder / CHECKPOINT).exists()


def checkpoints_of(samples: Path, root: Path, **settings: object) -> list[bytes]:
    """The checkpoints that a training of five epochs writes."""
    kept: list[bytes] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "publish", lambda path, content: kept.append(content))
        train(again(samples, root, epochs=5, schedule={"kind": "constant"}, **settings))
    return kept


def left_after(epochs: int, samples: Path, root: Path) -> Path:
    """The checkpoint that a training of five epochs leaves that is killed after so many."""
    content = checkpoints_of(samples, root)[epochs - 1]
    path = again(samples, root).folder / CHECKPOINT
    path.write_bytes(content)
    return path


def epochs_run(root: Path, monkeypatch: pytest.MonkeyPatch, samples: Path, **settings: object) -> list[int]:
    """The epochs that a training runs which finds what is in `root`."""
    from sitspark.models import loop

    run: list[int] = []
    whole = loop._epoch

    def counted(*args: object, history: tuple[object, ...], **kwargs: object) -> object:
        run.append(len(history) + 1)
        return whole(*args, history=history, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "_epoch", counted)
    train(again(samples, root, **({"epochs": 5, "schedule": {"kind": "constant"}} | settings)))
    return run


@pytest.mark.parametrize(
    ("changed", "first"),
    [
        ({}, 4),
        ({"track": "mlflow"}, 4),
        ({"epochs": 6}, 1),
        ({"learning_rate": 0.02}, 1),
        ({"batch_size": 64}, 1),
        ({"checkpoint": {"restart": False}}, 1),
    ],
    ids=["same", "noted elsewhere", "more epochs", "rate", "batches", "not wanted"],
)
def test_a_checkpoint_is_taken_by_the_same_training_alone(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, object], first: int
) -> None:
    left_after(3, samples, tmp_path)
    run = epochs_run(tmp_path, monkeypatch, samples, **changed)
    assert run[0] == first


def test_a_checkpoint_that_another_process_does_not_see_is_nobodys(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_after(3, samples, tmp_path)
    monkeypatch.setattr(ProcessGroup, "least", lambda self, value: min(value, 0))  # the other one has found 0 epochs
    assert epochs_run(tmp_path, monkeypatch, samples)[0] == 1


def test_seconds_count_what_was_before_the_stop(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = left_after(3, samples, tmp_path)
    saved = torch.load(path, weights_only=True)
    assert 0 < saved["seconds"] < 1000
    torch.save(saved | {"seconds": 1000.0}, path)
    epochs_run(tmp_path, monkeypatch, samples)
    assert 1000 < read_card(again(samples, tmp_path).folder).seconds < 2000


def test_a_broken_checkpoint_is_passed_over(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = left_after(3, samples, tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert epochs_run(tmp_path, monkeypatch, samples) == [1, 2, 3, 4, 5]


def test_checkpoints_come_after_so_many_epochs(samples: Path, tmp_path: Path) -> None:
    kept = checkpoints_of(samples, tmp_path, checkpoint={"epochs": 2})
    assert [len(torch.load(io.BytesIO(content), weights_only=True)["history"]) for content in kept] == [2, 4]
