"""A disk without room, as a process sees it: no file may grow beyond a size."""

import contextlib
import os
import resource
from collections.abc import Iterator


@contextlib.contextmanager
def files_of_at_most(size: int, *, process: int | None = None) -> Iterator[None]:
    """Let writes beyond so many bytes of a file fail meanwhile, in this process or another of the same user."""
    pid = os.getpid() if process is None else process
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
