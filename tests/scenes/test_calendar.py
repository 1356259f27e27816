"""The calendar: the share that masks leave clear, the blocks that stand for a whole image, the signs of the weeks."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitspark.errors import SitsparkError
from sitspark.scenes.calendar import Acquisition, CalendarRow, calendar_rows, clear_share, month_ruler, spread_blocks
from sitspark.scenes.theia import L2A

from .products import noise, scene_of, write_theia


def test_a_pixel_counts_as_clear_when_no_mask_excludes_it(tmp_path: Path) -> None:
    masks = {name: np.zeros((40, 40), np.uint8) for name in ("CLM", "SAT", "EDG")}
    masks["CLM"][:10] = 2
    masks["EDG"][:, :10] = 1
    product = write_theia(tmp_path, {"B4": noise(40, 40)}, masks=masks)
    assert clear_share(scene_of(product, ("B4",)), L2A) == 30 * 30 / 40**2


def test_of_a_large_mask_some_blocks_stand_for_all(tmp_path: Path) -> None:
    """Blocks of 16: of 30 x 30 only 64 are read."""
    clouds = np.zeros((480, 480), np.uint8)
    clouds[:, :240] = 1
    clear = {name: np.zeros((480, 480), np.uint8) for name in ("SAT", "EDG")}
    product = write_theia(tmp_path, {"B4": noise(480, 480)}, masks=clear | {"CLM": clouds})
    assert clear_share(scene_of(product, ("B4",)), L2A) == 0.5


def test_a_damaged_mask_is_a_sentence(tmp_path: Path) -> None:
    product = write_theia(tmp_path, {"B4": noise(40, 40)})
    scene = scene_of(product, ("B4",))
    Path(scene.asset("CLM").path).write_bytes(b"")
    with pytest.raises(SitsparkError, match=r"tile 31TCJ, .*, CLM: .* can't be read"):
        clear_share(scene, L2A)


@given(st.integers(1, 300), st.integers(1, 300), st.tuples(st.integers(1, 40), st.integers(1, 300)), st.integers(1, 64))
def test_spread_blocks_are_blocks_of_the_image_and_not_too_many(
    height: int, width: int, block: tuple[int, int], most: int
) -> None:
    windows = spread_blocks(height, width, block, most=most)
    assert len({(w.row, w.col) for w in windows}) == len(windows) <= most
    assert all(w.row % block[0] == 0 and w.col % block[1] == 0 for w in windows)
    assert all(w.stop_row == min(w.row + block[0], height) and w.stop_col == min(w.col + block[1], width) for w in windows)
    blocks = -(-height // block[0]) * -(-width // block[1])
    assert len(windows) == blocks if blocks <= most else 2 * len(windows) >= most


def test_a_week_shows_its_clearest_acquisition() -> None:
    seen = [
        Acquisition("31TCJ", date(2018, 1, 1), 0.0),
        Acquisition("31TCJ", date(2018, 1, 8), 0.2),
        Acquisition("31TCJ", date(2018, 1, 14), 0.5),
        Acquisition("31TCJ", date(2018, 12, 31), 1.0),
        Acquisition("31TCJ", date(2019, 1, 1), None),
    ]
    first, second = calendar_rows(seen[::-1])
    assert first == CalendarRow("31TCJ", 2018, f"▁▅{'·' * 50}█", 4, pytest.approx(0.425))  # type: ignore[arg-type]
    assert second == CalendarRow("31TCJ", 2019, f"█{'·' * 52}", 1, None)


def test_months_stand_over_their_weeks() -> None:
    ruler = month_ruler()
    assert ruler.replace(" ", "") == "JFMAMJJASOND" and len(ruler) == 53
    assert [ruler[0], ruler[4], ruler[25]] == ["J", "F", "J"]  # days 1, 32 and 182
