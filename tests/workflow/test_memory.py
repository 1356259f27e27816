"""The memory of a stage: that of this process and of all that it starts, at its highest."""

import subprocess
import sys
from pathlib import Path

import pytest

from sitspark.workflow import memory
from sitspark.workflow.memory import watched_memory

LARGE = 200_000_000  # bytes: far more than what comes and goes by itself


def own_process(script: str) -> None:
    """Run it where no JVM and no worker of another test comes, goes or gives memory back meanwhile."""
    done = subprocess.run([sys.executable, "-c", f"LARGE = {LARGE}\n{script}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_is_held_for_a_while_is_the_peak() -> None:
    own_process("""
import os
import numpy as np
from sitspark.workflow.memory import memory_of, watched_memory
before = memory_of(os.getpid())
with watched_memory() as peak:
    held = np.ones(LARGE, np.uint8)
    peak.look()
    del held
assert peak.megabytes >= (before + 0.9 * LARGE) / 1e6, (peak, before)
""")


def test_a_process_that_was_started_counts_too() -> None:
    own_process("""
import os, subprocess, sys
from sitspark.workflow.memory import memory_of
before = memory_of(os.getpid())
script = f"held = b'x' * {LARGE}; print('there', flush=True); input()"
child = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
assert child.stdout.readline() == "there\\n"
now, own = memory_of(os.getpid()), memory_of(child.pid)
child.communicate("\\n")
assert own >= LARGE and now >= before + 0.9 * LARGE, (before, now, own)
""")


def test_a_system_that_does_not_tell_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "_PROC", tmp_path)
    with watched_memory() as peak:
        pass
    assert peak.megabytes is None
