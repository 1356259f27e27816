"""The files that a process holds open: bounded in number, and opened again when they were written again."""

import functools
import resource
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import rasterio

from sitspark.scenes.container import holding_file
from sitspark.scenes.tiff import BlockFile

# A chunk opens all files of its tile in turn, so that a cache which holds fewer of them never hits: room for 13 files of
# 300 dates, and some descriptors for all else that a process opens
_OPEN_FILES, _OTHER_FILES = 3900, 196

GDAL = {"GDAL_NUM_THREADS": "1"}  # one thread a task: parallelism is Spark's

Opened = TypeVar("Opened")


class _OpenFiles(Generic[Opened]):
    """The open files of this process by their paths, the one used last at the end."""

    def __init__(self, opened: Callable[[str], Opened], most: int) -> None:
        self._opened = opened
        self._most = most
        self._files: OrderedDict[str, tuple[int, Opened]] = OrderedDict()

    def open(self, path: str) -> Opened:
        """An open file; one that was written again since, or whose archive was, is opened again."""
        modified = _modified(path)
        known = self._files.pop(path, None)
        if known is None or known[0] != modified:
            known = modified, self._opened(path)
        self._files[path] = known
        if len(self._files) > self._most:
            self._files.popitem(last=False)
        return known[1]


def _modified(path: str) -> int:
    """When a file on disk was written, or its archive; 0 for what can't be asked, as what lies elsewhere."""
    try:
        return _on_disk(path).stat().st_mtime_ns
    except OSError:
        return 0


@functools.lru_cache(maxsize=2 * _OPEN_FILES)  # taking a path apart costs more than asking when it was written
def _on_disk(path: str) -> Path:
    return Path(holding_file(path))


def dataset(path: str) -> rasterio.DatasetReader:
    """A file as GDAL reads it; raises RasterioError for one that can't be opened."""
    return _datasets().open(path)


def block_file(path: str) -> BlockFile | None:
    """A file whose blocks can be read without GDAL; None for another kind, and for what GDAL itself must find."""
    return _block_files().open(path)


@functools.cache
def _datasets() -> _OpenFiles[rasterio.DatasetReader]:
    return _OpenFiles(rasterio.open, _most_open_files())


@functools.cache
def _block_files() -> _OpenFiles[BlockFile | None]:
    return _OpenFiles(_blocks_of, _most_open_files())


def _blocks_of(path: str) -> BlockFile | None:
    return BlockFile.open(Path(path)) if Path(path).is_file() else None


@functools.cache
def _most_open_files() -> int:
    """As many as the system lets this process open, and no more than the archive of one tile has."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # files that are read block by block, and as many that GDAL reads
    allowed = 2 * _OPEN_FILES + _OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        allowed = min(allowed, hard)
    if soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max((allowed - _OTHER_FILES) // 2, 1)
