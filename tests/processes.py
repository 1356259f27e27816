"""Runs in processes of their own: the command line, what it starts, and ending any of it at any moment."""

import os
import signal
import subprocess
import sys
from pathlib import Path

VICTIMS = ("worker", "JVM", "driver")


def start(*arguments: str) -> subprocess.Popen[str]:
    """The command line in a process group of its own, which can be killed as a whole."""
    return subprocess.Popen(
        [sys.executable, "-m", "sitspark", *arguments],
        cwd=Path(__file__).parent.parent,
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
    waiting, found = [pid], []
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def arguments_of(pid: int) -> list[str]:
    """The command line of a process; nothing when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def parts_of(run: subprocess.Popen[str], victim: str) -> list[int]:
    """The processes of a run by what they are: "driver", its "JVM", or each "worker" of Python at a task."""
    if victim == "driver":
        return [run.pid]
    commands = {pid: arguments_of(pid) for pid in descendants(run.pid)}
    if victim == "JVM":
        return [pid for pid, command in commands.items() if command and command[0].endswith("java")]
    daemons = [pid for pid, command in commands.items() if "sitspark.daemon" in command]
    # the first is their parent
    return [pid for pid in daemons if any(pid in descendants(other) for other in daemons)]


def kill(run: subprocess.Popen[str], victim: str) -> bool:
    """kill -9 of one process; whether there was one."""
    found = parts_of(run, victim)
    if found:
        os.kill(found[0], signal.SIGKILL)
    return bool(found)
