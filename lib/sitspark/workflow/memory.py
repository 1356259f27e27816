"""How much memory a stage takes on the machine of the driver: this process, the JVM, and the workers that are there."""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_EVERY = 1.0  # seconds; a look at all processes takes some milliseconds
_PROC = Path("/proc")


@dataclass(slots=True)
class PeakMemory:
    """The most that was seen, in megabytes; None where the system doesn't tell (it isn't Linux)."""

    megabytes: int | None = None

    def look(self) -> None:
        """See how much it is now."""
        now = memory_of(_root())
        if now is not None:
            self.megabytes = max(self.megabytes or 0, round(now / 1e6))


@contextmanager
def watched_memory() -> Iterator[PeakMemory]:
    """Look again and again while the block runs; of memory that processes share each counts its part."""
    peak, ended = PeakMemory(), threading.Event()

    def watch() -> None:
        while not ended.wait(_EVERY):
            peak.look()

    peak.look()
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()
        peak.look()


def _root() -> int:
    """The process that started all others of the run: under spark-submit the JVM, which started this one."""
    return os.getppid() if "PYSPARK_GATEWAY_PORT" in os.environ else os.getpid()


def memory_of(pid: int) -> int | None:
    """The bytes that a process and all that it has started hold in memory; None where the system doesn't tell."""
    parents = dict[int, int]()
    for folder in _PROC.glob("[0-9]*"):
        try:
            # behind the name, which is in brackets and may hold anything: state, parent, ... (proc_pid_stat(5))
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        parents[int(folder.name)] = int(fields[1])
    if pid not in parents:
        return None
    family = {pid}
    while True:
        more = {child for child, parent in parents.items() if parent in family} - family
        if not more:
            return sum(map(_held, family))
        family |= more


def _held(pid: int) -> int:
    """The bytes that a process holds, and its part of what it shares; 0 when it has ended."""
    try:
        rollup = (_PROC / str(pid) / "smaps_rollup").read_text()
    except OSError:
        return 0
    found = re.search(r"^Pss: +(\d+) kB", rollup, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
