"""Runs in processes of their own: any parallelism, a kill at any moment, the command line's exit codes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from sitspark.maps.products import sha256_of
from tests.conftest import ROOT, FinishedRun

MAP_FILES = ("classification.tif", "confidence.tif", "validity.tif")


def write_settings(tree: dict, path: Path) -> Path:
    with path.open("w") as file:
        YAML(typ="safe").dump(tree, file)
    return path


def start(*arguments: str) -> subprocess.Popen[str]:
    """The command line in a process group of its own, which can be killed as a whole."""
    return subprocess.Popen(
        [sys.executable, "-m", "sitspark.cli", *arguments],
        cwd=ROOT,
        text=True,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def map_hashes(output: Path) -> dict[str, str]:
    (folder,) = (output / "maps").iterdir()
    return {name: sha256_of(folder / name) for name in MAP_FILES}


def test_one_core_and_a_new_start_give_the_same_bytes_as_two(finished: FinishedRun, tmp_path: Path) -> None:
    """From the polygons to the map: split, samples, weights and rasters depend neither on cores nor on the process."""
    tree = finished.tree | {"output": str(tmp_path / "one"), "spark": {"master": "local[1]", "driver_memory": "1g"}}
    process = start("classify", str(write_settings(tree, tmp_path / "settings.yaml")))
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0, printed
    assert map_hashes(tmp_path / "one") == {name: sha256_of(finished.map / name) for name in MAP_FILES}


@pytest.mark.parametrize("victim", ["everything", "workers"])
def test_a_run_killed_while_classifying_ends_with_the_same_bytes(
    finished: FinishedRun, run_copy: FinishedRun, tmp_path: Path, victim: str
) -> None:
    """kill -9 of the whole run, or of its Python workers alone; the same command completes it."""
    tree = run_copy.tree | {"grid": run_copy.tree["grid"] | {"chunk_size": 16}}
    settings = str(write_settings(tree, tmp_path / "settings.yaml"))
    process = start("classify", settings)
    chunks = Path(tree["output"]) / "maps"
    deadline = time.monotonic() + 200
    while len(list(chunks.glob("*/chunks/*/[!.]*.json"))) < 20 or _old_chunks(chunks, run_copy):
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0]
        time.sleep(0.02)
    if victim == "everything":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        subprocess.run(["pkill", "-KILL", "-g", str(process.pid), "-f", "pyspark.daemon"], check=True)
    printed, _ = process.communicate(timeout=120)
    if victim == "workers":
        assert process.returncode == 1
        assert "worker" in printed and "Traceback" not in printed, printed
    again = start("classify", settings)
    printed, _ = again.communicate(timeout=300)
    assert again.returncode == 0, printed
    assert "chunks were written before the run was stopped" in printed
    assert map_hashes(Path(tree["output"])) == {name: sha256_of(finished.map / name) for name in MAP_FILES}
    assert not list(chunks.rglob("*.part"))


def _old_chunks(chunks: Path, run: FinishedRun) -> bool:
    """Whether the chunks seen are still those of the run that was copied."""
    return (run.context.folder.path / run.context.facts("classify")["chunks"]).exists()


def test_ctrl_c_says_that_the_same_command_goes_on(run_copy: FinishedRun, tmp_path: Path) -> None:
    tree = run_copy.tree | {"time_series": {"step": 20}}
    process = start("samples", str(write_settings(tree, tmp_path / "settings.yaml")))
    time.sleep(12)
    os.kill(process.pid, signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    if process.returncode != 0:  # a fast machine may have finished
        assert process.returncode == 130
        assert "stopped: the same command goes on where it was" in printed and "Traceback" not in printed


def test_a_job_runs_under_spark_submit(run_copy: FinishedRun, tmp_path: Path) -> None:
    import pyspark

    from sitspark.spark import PACKAGES

    tree = run_copy.tree | {"samples": {"per_class": 100}}
    settings = write_settings(tree, tmp_path / "settings.yaml")
    submit = Path(pyspark.__file__).parent / "bin" / "spark-submit"
    answer = subprocess.run(
        [
            str(submit),
            "--master",
            "local[2]",
            "--driver-memory",
            "1g",
            "--packages",
            ",".join(PACKAGES),
            str(ROOT / "jobs" / "samples.py"),
            str(settings),
        ],
        env=os.environ | {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr[-2000:]
    assert "✓ observations" in answer.stdout
