import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pyspark.sql import SparkSession

from sitspark.errors import SitsparkError
from sitspark.models import loop
from sitspark.models.card import HISTORY, WEIGHTS, read_card
from sitspark.models.distributor import fit
from sitspark.models.inference import Classifier
from sitspark.models.job import TrainingJob
from sitspark.models.networks.own_code import OwnCode
from sitspark.models.precision import computes_in_bf16

from .networks.own_nets import changed
from .tables import Table, job, write

# a driver of its own, to be killed
DRIVER = """
import sys
from pathlib import Path
from pyspark.sql import SparkSession
from sitspark.models.distributor import fit
from tests.models.tables import job
SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
fit(job(Path(sys.argv[1]), Path(sys.argv[2]), epochs=10**6, processes=2), on_epoch=lambda progress: print("epoch", flush=True))
"""


def test_two_processes_learn_like_one(
    spark: SparkSession, samples: Path, trained: TrainingJob, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    told: list[dict[str, Any]] = []
    double = job(samples, tmp_path, processes=2)
    card = fit(double, spark=spark, on_epoch=told.append)
    assert card == read_card(double.folder)
    assert (told[-1]["epoch"], told[-1]["epochs"]) == (4, 4)
    assert capfd.readouterr() == ("", "")
    log = (double.folder / "training.log").read_text()
    assert "local training with 2 processes" in log
    # the first process alone tells of epochs
    assert [line[:12] for line in log.splitlines() if "loss" in line] == [f"epoch {number} of 4" for number in range(1, 5)]
    assert not double.scratch.exists()
    one, two = (pd.read_parquet(done.folder / HISTORY) for done in (trained, double))
    for column in ("train_loss", "validation_loss", "oa", "kappa", "fscore"):
        np.testing.assert_allclose(two[column], one[column], rtol=1e-3)


# torch's own normalisation knows the share of its process alone
OF_SHARES = changed("nn.ReLU(), ", "nn.BatchNorm1d(width), nn.ReLU(), ")


@pytest.mark.parametrize(
    ("network", "own"),
    [("tempcnn", None), ({"module": "/elsewhere/net.py", "class": "Net"}, OF_SHARES)],
    ids=["of the bank", "of the user"],
)
def test_processes_judge_the_network_that_is_kept_also_with_batch_normalisation(
    spark: SparkSession, table: Table, samples: Path, tmp_path: Path, network: object, own: OwnCode | None
) -> None:
    if not computes_in_bf16(torch.device("cpu")):
        pytest.skip("this processor computes in fp32 alone")
    double = job(samples, tmp_path, processes=2, network=network, precision="bf16", calibrate=False, epochs=2)
    metrics = fit(replace(double, own=own), spark=spark).metrics
    members = (table.split == "train") & table.monitored
    classifier = Classifier.load(double.folder, code=own.sha256 if own else None)
    probabilities = classifier.probabilities(table.features[members])
    true = np.searchsorted(classifier.codes, table.label[members])
    loss = -np.log(probabilities[np.arange(len(true)), true].astype(float)).mean()
    assert metrics.validation_loss == pytest.approx(loss, rel=1e-3)
    assert metrics.oa == pytest.approx((probabilities.argmax(1) == true).mean())


def test_an_error_of_a_process_arrives_as_its_sentence(
    spark: SparkSession, table: Table, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    features = table.features.copy()
    features[np.flatnonzero(table.fitted)[0], 0] = np.nan
    damaged = job(write(replace(table, features=features), tmp_path / "t"), tmp_path, processes=2)
    with pytest.raises(SitsparkError, match=r"^\S+part-00000.parquet: sample \d+ has nan as feature b4_20180101") as error:
        fit(damaged, spark=spark)
    assert error.value.__cause__ is None
    assert capfd.readouterr() == ("", "")
    with pytest.raises(SitsparkError, match="is no model"):
        read_card(damaged.folder)


def test_one_process_is_this_one_and_leaves_torch_as_it_was(samples: Path, trained: TrainingJob, tmp_path: Path) -> None:
    def state() -> tuple[object, ...]:
        return (
            torch.get_num_threads(),
            torch.are_deterministic_algorithms_enabled(),
            torch.utils.deterministic.fill_uninitialized_memory,
            torch.get_default_dtype(),
            torch.get_rng_state().tolist(),
        )

    torch.set_num_threads(2)
    before, told = state(), list[dict[str, Any]]()
    single = job(samples, tmp_path)
    card = fit(single, on_epoch=told.append)
    assert (card, told[-1]["epoch"]) == (read_card(single.folder), 4)
    assert (single.folder / WEIGHTS).read_bytes() == (trained.folder / WEIGHTS).read_bytes()
    assert state() == before
    assert not single.scratch.exists()
    assert [line[:12] for line in (single.folder / "training.log").read_text().splitlines()] == [
        f"epoch {n} of 4" for n in range(1, 5)
    ]


def test_an_error_of_this_process_is_a_sentence_and_an_unforeseen_one_has_its_account(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wild = job(samples, tmp_path, learning_rate=1e30)
    with pytest.raises(SitsparkError, match=r"^training m: the loss became nan"):
        fit(wild)
    monkeypatch.setattr(loop, "_epoch", lambda *args, **kwargs: 1 // 0)
    with pytest.raises(
        SitsparkError, match=r"training m stopped: ZeroDivisionError: .*; \S+training.log has the whole account"
    ):
        fit(wild)
    assert "Traceback" in (wild.folder / "training.log").read_text() and not wild.scratch.exists()


def test_ctrl_c_in_this_process_is_that_of_the_driver(samples: Path, tmp_path: Path) -> None:
    endless = job(samples, tmp_path, epochs=10**6)
    told: list[dict[str, Any]] = []

    def interrupt(progress: dict[str, Any]) -> None:
        if not told:
            signal.raise_signal(signal.SIGINT)
        told.append(progress)

    threads = torch.get_num_threads()
    with pytest.raises(KeyboardInterrupt):
        fit(endless, on_epoch=interrupt)
    assert torch.get_num_threads() == threads and not endless.scratch.exists()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in /proc")
def test_a_process_that_was_killed_is_told_before_what_the_others_say(
    spark: SparkSession, samples: Path, tmp_path: Path
) -> None:
    def kill(progress: dict[str, Any]) -> None:
        for pid in descendants(os.getpid()):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # others come and go
                if b"\0RANK=1\0" in Path(f"/proc/{pid}/environ").read_bytes():
                    os.kill(pid, signal.SIGKILL)

    with pytest.raises(SitsparkError, match=r"process 2 of 2 was killed, most likely for want of memory; .* training.memory"):
        fit(job(samples, tmp_path, epochs=3000, processes=2), spark=spark, on_epoch=kill)


def descendants(pid: int) -> list[int]:
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        return []
    return children + [grandchild for child in children for grandchild in descendants(child)]


@pytest.fixture
def driver(samples: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(["lib", "."])}
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", DRIVER, str(samples), str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root, env=environment)
    yield process
    process.kill()
    process.wait()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in /proc")
def test_a_killed_driver_leaves_no_process_and_no_model(driver: subprocess.Popen[str], tmp_path: Path) -> None:
    assert driver.stdout is not None
    assert driver.stdout.readline() == "epoch\n"
    processes = descendants(driver.pid)
    assert len(processes) >= 3
    driver.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in processes) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not [pid for pid in processes if Path(f"/proc/{pid}").exists()]
    assert not (tmp_path / "model" / "card.json").exists()


def test_progress_is_readable_json(trained: TrainingJob) -> None:
    progress = json.loads(trained.progress.read_text())
    assert progress["epoch"] == progress["epochs"] == 4
    assert progress["train_loss"] > 0


def test_tasks_of_executors_learn_like_processes_of_the_driver(
    spark: SparkSession, samples: Path, trained: TrainingJob, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    abroad = job(samples, tmp_path, processes=2, where="executors")
    fit(abroad, spark=spark)
    one, two = (pd.read_parquet(done.folder / HISTORY) for done in (trained, abroad))
    np.testing.assert_allclose(two["train_loss"], one["train_loss"], rtol=1e-3)
    log = (abroad.folder / "training.log").read_text()
    assert "distributed training with 2 executor processes" in log and log.count("epoch 4 of 4: loss") == 1
    assert capfd.readouterr() == ("", "")


def test_more_processes_than_executors_have_cores_are_refused(spark: SparkSession, samples: Path, tmp_path: Path) -> None:
    with pytest.raises(SitsparkError, match=r"training.processes: 99 processes have to run at once, and the executors have "):
        fit(job(samples, tmp_path, processes=99, where="executors"), spark=spark)
