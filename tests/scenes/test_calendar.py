"""The calendar: the share that masks leave clear, the blocks that stand for a whole image, the signs of the weeks."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from sitspark.errors import SitsparkError
from sitspark.grid import Window
from sitspark.scenes.calendar import Acquisition, CalendarRow, calendar_rows, clear_share, month_ruler, spread_blocks
from sitspark.scenes.region import Region
from sitspark.scenes.theia import L2A

from .products import LEFT, TOP, UTM31, noise, scene_of, write_theia


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


def test_with_a_region_only_its_pixels_count(tmp_path: Path) -> None:
    """The left half is cloudy; the region is the lower right quarter, less its own lower right quarter."""
    clouds = np.zeros((40, 40), np.uint8)
    clouds[:, :20] = 1
    clouds[38] = 1
    clear = {name: np.zeros((40, 40), np.uint8) for name in ("SAT", "EDG")}
    scene = scene_of(write_theia(tmp_path, {"B4": noise(40, 40)}, masks=clear | {"CLM": clouds}), ("B4",))

    def region(*boxes: tuple[int, int, int, int]) -> Region:
        shapes = [shapely.box(LEFT + 10 * l, TOP - 10 * b, LEFT + 10 * r, TOP - 10 * t) for l, b, r, t in boxes]  # noqa: E741
        return Region(shapely.to_wkb(shapely.union_all(shapes)), UTM31)

    assert clear_share(scene, L2A, region((20, 40, 40, 20))) == 19 / 20
    assert clear_share(scene, L2A, region((20, 30, 40, 20), (20, 40, 30, 30))) == 290 / 300
    assert clear_share(scene, L2A, region((0, 10, 20, 0))) == 0
    assert clear_share(scene, L2A, region((50, 10, 60, 0))) is None


@given(
    st.tuples(st.integers(0, 90), st.integers(0, 90), st.integers(1, 300), st.integers(1, 300)),
    st.tuples(st.integers(1, 40), st.integers(1, 300)),
    st.integers(1, 64),
)
def test_spread_blocks_are_blocks_of_the_part_and_not_too_many(
    part: tuple[int, int, int, int], block: tuple[int, int], most: int
) -> None:
    """Every window is all that the part has of one block."""
    whole = Window(*part)
    windows = spread_blocks(whole, block, most=most)
    blocks = [(w.row // block[0], w.col // block[1]) for w in windows]
    assert len(set(blocks)) == len(windows) <= most
    assert windows == [whole.intersection(Window(r * block[0], c * block[1], *block)) for r, c in blocks]
    assert not any(w.is_empty for w in windows)
    rows = (whole.stop_row - 1) // block[0] - whole.row // block[0] + 1
    cols = (whole.stop_col - 1) // block[1] - whole.col // block[1] + 1
    assert len(windows) == rows * cols if rows * cols <= most else 2 * len(windows) >= most


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
