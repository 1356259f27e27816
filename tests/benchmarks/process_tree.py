"""CPU seconds of a process and of everything that it started, from /proc (Linux)."""

import os
from collections import defaultdict
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(root: int) -> float:
    """User and system time of `root` and all its living descendants, with that of children that ended in between.

    Two calls give what was spent between them, as long as nobody in the tree loses its parent: a process that ended is
    counted by the parent that waited for it.
    """
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
    total, waiting = 0.0, [root]
    while waiting:
        process = waiting.pop()
        total += spent.get(process, 0.0)
        waiting += children[process]
    return total
