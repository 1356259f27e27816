"""Runs in processes of their own: any parallelism, a kill at any moment, the command line's exit codes."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from sitspark.maps.products import sha256_of
from tests.conftest import ROOT, FinishedRun, run_quietly

MAP_FILES = ("classification.tif", "confidence.tif", "validity.tif")


def write_settings(tree: dict, path: Path) -> Path:
    with path.open("w") as file:
        YAML(typ="safe").dump(tree, file)
    return path


def start(*arguments: str) -> subprocess.Popen[str]:
    """The command line in a process group of its own, which can be killed as a whole."""
    return subprocess.Popen(
        [sys.executable, "-m", "sitspark", *arguments],
        cwd=ROOT,
        text=True,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def descendants(pid: int) -> list[int]:
    """All processes that a process has started, and those have started."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    children: dict[int, list[int]] = {}
    for line in listed.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    found = children.get(pid, [])
    return found + [below for child in found for below in descendants(child)]


def arguments_of(pid: int) -> str:
    """The command line of a process; empty when it has ended."""
    path = Path(f"/proc/{pid}/cmdline")
    return path.read_text().replace("\0", " ") if path.exists() else ""


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
    while len(list((output / "maps").glob("*/chunks/*/[!.]*.json"))) < records:
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0]
        time.sleep(0.02)
    return process


def test_a_run_killed_while_classifying_ends_with_the_same_bytes(
    finished: FinishedRun, run_copy: FinishedRun, tmp_path: Path
) -> None:
    """kill -9 of its Python workers, then of the whole run; the same command completes it."""
    tree = run_copy.tree | {"grid": run_copy.tree["grid"] | {"chunk_size": 64}}
    settings, output = write_settings(tree, tmp_path / "settings.yaml"), Path(tree["output"])
    shutil.rmtree(output / run_copy.context.facts("classify")["chunks"])

    process = classify_until(settings, output, 8)
    workers = [pid for pid in descendants(process.pid) if "pyspark.daemon" in arguments_of(pid)]
    assert workers
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "worker" in printed and "Traceback" not in printed, printed

    process = classify_until(settings, output, 30)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=120)

    # in this process: what is left on disk is all that goes from one run to the next
    _, printed = run_quietly(tree, "mosaic")
    assert "chunks written already" in printed
    assert map_hashes(output) == {name: sha256_of(finished.map / name) for name in MAP_FILES}
    assert not list((output / "maps").rglob("*.part"))


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
