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
from pyspark.sql import SparkSession

from sitspark.errors import SitsparkError
from sitspark.models.card import HISTORY, read_card
from sitspark.models.distributor import fit
from sitspark.models.job import TrainingJob

from .tables import Table, job, write

# a driver of its own, to be killed
DRIVER = """
import sys
from pathlib import Path
from pyspark.sql import SparkSession
from sitspark.models.distributor import fit
from tests.models.tables import job
SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
fit(job(Path(sys.argv[1]), Path(sys.argv[2]), epochs=10**6), on_epoch=lambda progress: print("epoch", flush=True))
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


def descendants(pid: int) -> list[int]:
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
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
