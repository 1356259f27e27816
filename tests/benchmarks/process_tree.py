"""CPU seconds of a process and of everything that it started, from /proc (Linux)."""

import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(root: int) -> float:
    """User and system time of `root` and all its living descendants, with that of children that ended in between.

    Two calls give what was spent between them, as long as nobody in the tree loses its parent: a process that ended is
    counted by the parent that waited for it.
    """
    return sum(_tree(root).values())


@contextmanager
def confined(root: int, cores: int) -> Iterator[None]:
    """Meanwhile `root` and all its descendants, also those to come, have the first so many of its cores."""
    whole = os.sched_getaffinity(root)
    _confine(root, set(sorted(whole)[:cores]))
    try:
        yield
    finally:
        _confine(root, whole)


def _confine(root: int, cores: set[int]) -> None:
    for process in _tree(root):
        for thread in Path(f"/proc/{process}/task").iterdir():
            try:
                os.sched_setaffinity(int(thread.name), cores)
            except ProcessLookupError:
                continue


def _tree(root: int) -> dict[int, float]:
    """`root` and all its living descendants, each with its seconds and those of its children that ended."""
    spent: dict[int, float] = {}
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # the name in brackets may hold anything; fields are counted after it
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        children[int(fields[1])].append(int(entry.name))
        spent[int(entry.name)] = sum(int(ticks) for ticks in fields[11:15]) / _TICKS
    found, waiting = {}, [root]
    while waiting:
        process = waiting.pop()
        found[process] = spent.get(process, 0.0)
        waiting += children[process]
    return found


def largest_worker(root: int) -> int:
    """MB of memory (resident, without what is shared with files) of the largest Python process below `root`."""
    found = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == root:
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            resident, shared = (int(pages) for pages in (entry / "statm").read_text().split()[1:3])
        except (FileNotFoundError, ProcessLookupError):
            continue
        # the JVM is called with pyspark's name too
        if b"pyspark" in command and b"java" not in command.split(b"\0")[0]:
            found = max(found, (resident - shared) * os.sysconf("SC_PAGESIZE") // 2**20)
    return found


@contextmanager
def watched() -> Iterator[list[int]]:
    """Meanwhile note the memory of the largest Python worker, MB."""
    peak, done = [0], threading.Event()

    def look() -> None:
        while not done.wait(0.2):
            peak[0] = max(peak[0], largest_worker(os.getpid()))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()
