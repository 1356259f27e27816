"""What the work on a chunk takes."""

import time
from collections.abc import Mapping
from types import MappingProxyType


class Clock:
    """Seconds by phase, on top of what is known, and those of one core in the calling thread."""

    def __init__(self, seconds: Mapping[str, float] = MappingProxyType({})) -> None:
        self.seconds, self.cpu_seconds = dict(seconds), 0.0
        self._mark, self._cpu_mark = time.perf_counter(), time.thread_time()

    def lap(self, phase: str) -> None:
        """What was spent since the last lap is of this phase."""
        now, cpu = time.perf_counter(), time.thread_time()
        self.seconds[phase] = round(self.seconds.get(phase, 0.0) + now - self._mark, 4)
        self.cpu_seconds = round(self.cpu_seconds + cpu - self._cpu_mark, 4)
        self._mark, self._cpu_mark = now, cpu
