"""Runs in processes of their own: any parallelism, a kill at any moment, the command line's exit codes."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from sitspark.hashing import sha256_of
from sitspark.workflow.run_folder import RunFolder
from sitspark.workflow.verify import verify
from tests.conftest import ROOT, FinishedRun, run_quietly
from tests.processes import VICTIMS, kill, start

RECORDS = "*/chunks/*/[!.]*.json"
MAP_FILES = ("classification.tif", "confidence.tif", "validity.tif")


def write_settings(tree: dict, path: Path) -> Path:
    with path.open("w") as file:
        YAML(typ="safe").dump(tree, file)
    return path


def map_hashes(output: Path) -> dict[str, str]:
    (folder,) = (output / "maps").iterdir()
    return {name: sha256_of(folder / name) for name in MAP_FILES}


def test_one_core_of_an_executor_gives_the_same_bytes_as_two_of_the_driver(finished: FinishedRun, tmp_path: Path) -> None:
    """From the polygons to the map: nothing depends on cores, on the process, or on where workers live.

    In a local cluster executors are processes of their own, as on a cluster of machines.
    """
    tree = finished.tree | {"output": str(tmp_path / "one"), "spark": {"master": "local-cluster[1,1,1024]"}}
    process = start("classify", str(write_settings(tree, tmp_path / "settings.yaml")))
    printed, _ = process.communicate(timeout=400)
    assert process.returncode == 0, printed
    assert map_hashes(tmp_path / "one") == {name: sha256_of(finished.map / name) for name in MAP_FILES}


def classify_until(settings: Path, output: Path, records: int) -> subprocess.Popen[str]:
    """A run that is classifying and has committed so many chunks."""
    process = start("classify", str(settings))
    deadline = time.monotonic() + 200
    while len(list((output / "maps").glob(RECORDS))) < records:
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0]
        time.sleep(0.02)
    return process


def test_a_run_of_which_each_part_is_killed_in_turn_ends_with_the_same_bytes(
    finished: FinishedRun, run_copy: FinishedRun, tmp_path: Path
) -> None:
    """kill -9 of a Python worker, of the JVM, of the driver at any moment of classifying; the same command goes on."""
    tree = run_copy.tree | {"grid": run_copy.tree["grid"] | {"chunk_size": 64}}
    settings, output = write_settings(tree, tmp_path / "settings.yaml"), Path(tree["output"])
    shutil.rmtree(output / run_copy.context.facts("classify")["chunks"])
    chance = random.Random(11)
    for victim in VICTIMS:
        written = len(list((output / "maps").glob(RECORDS)))
        process = classify_until(settings, output, written + chance.randint(1, 15))
        assert kill(process, victim)
        # what the driver started goes on for a while without it: the next run does not wait for its end
        printed = "" if victim == "driver" else process.communicate(timeout=120)[0]
        assert process.wait(60) == (-signal.SIGKILL if victim == "driver" else 1), printed
        assert victim == "driver" or "run the same command again" in printed, printed
        assert "Traceback" not in printed
    # in this process: what is left on disk is all that goes from one run to the next
    _, printed = run_quietly(tree, "mosaic")
    process.communicate(timeout=60)
    assert "chunks written already" in printed
    assert map_hashes(output) == {name: sha256_of(finished.map / name) for name in MAP_FILES}
    assert not verify(RunFolder(output)).differing


@pytest.mark.parametrize("seconds", [4, 10])
def test_ctrl_c_ends_everything_and_says_that_the_same_command_goes_on(
    run_copy: FinishedRun, tmp_path: Path, seconds: int
) -> None:
    """While Spark starts, and while it works; no process stays behind."""
    tree = run_copy.tree | {"time_series": {"step": 20}, "samples": {"per_class": 250}}
    process = start("samples", str(write_settings(tree, tmp_path / "settings.yaml")))
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGINT)
    # the JVM holds the pipe as well: its end is the end of all of them
    printed, _ = process.communicate(timeout=60)
    # Python itself ends by the signal when it came inside an exec(); to a shell both are 130
    assert process.returncode in (130, -signal.SIGINT), printed
    assert "stopped: the same command goes on where it was" in printed and "Traceback" not in printed


def submitted(*options: str, settings: Path) -> subprocess.CompletedProcess[str]:
    """jobs/samples.py under spark-submit."""
    import pyspark

    submit = Path(pyspark.__file__).parent / "bin" / "spark-submit"
    return subprocess.run(
        [str(submit), "--master", "local[2]", "--driver-memory", "1g", *options, str(ROOT / "jobs/samples.py"), str(settings)],
        env=os.environ | {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_job_runs_under_spark_submit(run_copy: FinishedRun, tmp_path: Path) -> None:
    settings = write_settings(run_copy.tree | {"time_series": {"step": 45}}, tmp_path / "settings.yaml")
    # driver memory of the file is for a cluster; the command line wins
    answer = submitted("--properties-file", str(ROOT / "conf" / "spark-defaults.conf"), settings=settings)
    assert answer.returncode == 0, answer.stdout + answer.stderr[-2000:]
    assert "✓ samples" in answer.stdout


def test_spark_submit_without_sedona_is_told_how_to_have_it(run_copy: FinishedRun, tmp_path: Path) -> None:
    settings = write_settings(run_copy.tree | {"samples": {"per_class": 100}}, tmp_path / "settings.yaml")
    answer = submitted(settings=settings)
    assert answer.returncode == 1
    assert "error: Spark was started without Sedona's JARs; start it as spark-submit --properties-file" in answer.stdout


def test_a_failed_job_has_an_exit_code(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, str(ROOT / "jobs" / "check.py"), str(tmp_path / "absent.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1 and "no such settings file" in answer.stderr
