"""The memory of a stage: that of this process and of all that it starts, at its highest."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sitspark.workflow import memory
from sitspark.workflow.memory import memory_of, watched_memory

LARGE = 200_000_000  # bytes: far more than what comes and goes by itself


def test_what_is_held_for_a_while_is_the_peak() -> None:
    before = memory_of(os.getpid())
    assert before is not None
    with watched_memory() as peak:
        held = np.ones(LARGE, np.uint8)
        peak.look()
        del held
    assert peak.megabytes is not None and peak.megabytes >= (before + 0.9 * LARGE) / 1e6


def test_a_process_that_was_started_counts_too() -> None:
    before = memory_of(os.getpid())
    script = f"import sys; held = bytearray({LARGE}); print('there', flush=True); sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "there\n"
    now, own = memory_of(os.getpid()), memory_of(child.pid)
    child.communicate()
    assert before is not None and now is not None and own is not None
    assert own >= LARGE and now >= before + 0.9 * LARGE


def test_a_system_that_does_not_tell_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "_PROC", tmp_path)
    with watched_memory() as peak:
        pass
    assert peak.megabytes is None
