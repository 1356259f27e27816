"""Pixels with enough clear dates, chunk by chunk, found by the masks alone."""

from pathlib import Path

import numpy as np
from pyspark.sql import SparkSession

from sitspark.grid import Window
from sitspark.marks import Marks
from sitspark.samples.clear import read_clear, write_clear
from sitspark.scenes.table import scenes_of
from tests.conftest import FinishedRun


def test_pixels_have_enough_clear_dates_where_the_imagery_that_is_read_has_them(
    spark: SparkSession, finished: FinishedRun, tmp_path: Path
) -> None:
    context, least = finished.context, 4
    work = context.plan().orderBy("chunk_id").limit(3)
    marks = Marks(tmp_path / "marks")
    marks.folder.mkdir()
    write_clear(work, context.folder.table("scenes"), context.reading, tmp_path / "clear", least=least, tasks=2, marks=marks)
    rows = work.collect()
    assert len(rows) == 3 == marks.total()
    assert sorted(file.stem for file in (tmp_path / "clear").iterdir()) == [row.chunk_id for row in rows]
    shares = []
    for row in rows:
        window = Window(row.row, row.col, row.height, row.width)
        scenes = scenes_of(context.folder.table("scenes"), "sentinel2", tiles=row.tiles, other_tiles=row.other_tiles)
        (cube,) = context.reading.stack(scenes, window, tile=row.tile).cubes
        found = read_clear(tmp_path / "clear", row.chunk_id)
        # bands that call a pixel nodata on their own are not looked at
        assert (found == (cube.clear_dates >= least)).mean() > 0.99 and found[cube.clear_dates >= least].all()
        assert (found == (context.reading.clear_dates(scenes, window, tile=row.tile) >= least)).all()
        shares.append(found.mean())
    assert 0 < np.mean(shares) < 1
