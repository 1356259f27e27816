"""Progress told by files: every piece counts once, however often its task is repeated."""

from pathlib import Path

from sitspark.marks import Marks


def test_pieces_are_added_up_and_a_repeated_task_counts_once(tmp_path: Path) -> None:
    marks = Marks(tmp_path)
    assert marks.total() == 0
    marks.add("31TCJ_r000000_c000512")
    marks.add("SENTINEL2A_20180103-105429-123_L2A_T31TCJ_C_V2-2", 30)
    marks.add("SENTINEL2A_20180103-105429-123_L2A_T31TCJ_C_V2-2", 30)
    assert marks.total() == 31
