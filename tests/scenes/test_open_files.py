"""The files that a process holds open."""

import os
from pathlib import Path

import numpy as np
import rasterio

from sitspark.scenes import open_files


def test_open_files_are_bounded_and_a_file_that_was_written_again_is_opened_again(tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{i}.tif") for i in range(3)]
    for i, path in enumerate(paths):
        write_constant(path, i)
    files = open_files._OpenFiles(rasterio.open, 2)
    first = files.open(paths[0])
    assert files.open(paths[0]) is first
    write_constant(paths[0], 7)
    os.utime(paths[0], ns=(1, 1))
    assert files.open(paths[0]) is not first and files.open(paths[0]).read(1)[0, 0] == 7
    kept = files.open(paths[1])
    files.open(paths[0])
    files.open(paths[2])  # the second was not used for longest
    assert files.open(paths[1]) is not kept


def write_constant(path: str, value: int) -> None:
    with rasterio.open(path, "w", driver="GTiff", height=4, width=4, count=1, dtype="int16") as raster:
        raster.write(np.full((4, 4), value, np.int16), 1)
