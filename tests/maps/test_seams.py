"""Where tiles meet: borders that show on a map are told from those that don't."""

from pathlib import Path

import numpy as np
import pytest
import rasterio

from sitspark.grid import Grid, Territory, Window
from sitspark.maps.seams import Pairs, Seam, seam_of
from sitspark.workflow.draw import visible_in_words

SIDE = 300


def written(path: Path, codes: np.ndarray) -> Path:
    grid = Grid("EPSG:32631", 0, 0, 10, *codes.shape)
    options = {"driver": "GTiff", "count": 1, "dtype": "uint8", "crs": grid.crs, "transform": grid.transform}
    with rasterio.open(path, "w", height=codes.shape[0], width=codes.shape[1], **options) as target:
        target.write(codes.astype(np.uint8), 1)
    return path


def quarters() -> list[Territory]:
    return [
        Territory("a", Window(0, 0, 140, 160)),
        Territory("b", Window(0, 160, 140, 140)),
        Territory("c", Window(140, 0, 160, 300)),
    ]


def slow(codes: np.ndarray, owner: np.ndarray) -> tuple[int, int]:
    """Pairs across borders, and those that differ, one by one."""
    count = different = 0
    for row in range(SIDE):
        for col in range(SIDE):
            for r, c in ((row, col + 1), (row + 1, col)):
                if r < SIDE and c < SIDE and owner[row, col] != owner[r, c] and codes[row, col] and codes[r, c]:
                    count += 1
                    different += codes[row, col] != codes[r, c]
    return count, different


@pytest.mark.parametrize("seed", [0, 1])
def test_pairs_across_borders_are_counted_one_by_one(tmp_path: Path, seed: int) -> None:
    codes = np.random.default_rng(seed).integers(0, 4, (SIDE, SIDE))
    owner = np.zeros((SIDE, SIDE), int)
    for i, territory in enumerate(quarters()):
        owner[territory.window.slices] = i
    seam = seam_of(written(tmp_path / "c.tif", codes), quarters(), origin=Window(0, 0, SIDE, SIDE))
    assert seam is not None
    assert (seam.across.count, seam.across.different) == slow(codes, owner)
    assert seam.ratio == pytest.approx(1, abs=0.1)  # noise differs everywhere


def test_a_map_that_changes_at_a_border_has_a_seam_and_one_that_changes_elsewhere_has_none(tmp_path: Path) -> None:
    blocks = np.arange(SIDE) // 7 % 2 + 1
    codes = np.broadcast_to(blocks, (SIDE, SIDE)).copy()
    halves = [Territory("a", Window(0, 0, SIDE, 150)), Territory("b", Window(0, 150, SIDE, 150))]
    assert codes[0, 149] == codes[0, 150]
    unseen = seam_of(written(tmp_path / "a.tif", codes), halves, origin=Window(0, 0, SIDE, SIDE))
    codes[:, 150:] = 3 - codes[:, 150:]
    seen = seam_of(written(tmp_path / "b.tif", codes), halves, origin=Window(0, 0, SIDE, SIDE))
    assert unseen is not None and seen is not None
    assert (unseen.ratio, unseen.across) == (0, Pairs(SIDE, 0))
    assert seen.across == Pairs(SIDE, SIDE) and seen.ratio == pytest.approx(7, rel=0.1)


def test_borders_are_found_on_a_map_of_a_part_of_the_grid(tmp_path: Path) -> None:
    codes = np.ones((SIDE, SIDE), int)
    codes[:, 60:] = 2
    halves = [Territory("a", Window(0, 0, 1000, 560)), Territory("b", Window(0, 560, 1000, 440))]
    seam = seam_of(written(tmp_path / "a.tif", codes), halves, origin=Window(100, 500, SIDE, SIDE))
    assert seam is not None and seam.across == Pairs(SIDE, SIDE)
    assert seam.ratio is None  # nothing differs beside


@pytest.mark.parametrize(
    "territories",
    [[Territory("a", Window(0, 0, 20, 20))], [], [Territory("a", Window(0, 0, 20, 10)), Territory("a", Window(0, 10, 20, 10))]],
)
def test_without_a_border_there_is_no_seam(tmp_path: Path, territories: list[Territory]) -> None:
    path = written(tmp_path / "c.tif", np.ones((20, 20), int))
    assert seam_of(path, territories, origin=Window(0, 0, 20, 20)) is None


def test_ground_that_is_not_classified_does_not_count(tmp_path: Path) -> None:
    codes = np.ones((SIDE, SIDE), int)
    codes[:, 150] = 0
    halves = [Territory("a", Window(0, 0, SIDE, 150)), Territory("b", Window(0, 150, SIDE, 150))]
    assert seam_of(written(tmp_path / "c.tif", codes), halves, origin=Window(0, 0, SIDE, SIDE)) is None


@pytest.mark.parametrize("owner", [True, False])
def test_a_visible_seam_is_told_with_what_helps(owner: bool) -> None:
    told = visible_in_words(Seam(Pairs(100, 30), Pairs(1000, 200)), owner=owner)
    assert told.startswith("neighbouring pixels differ in class 1.5 times as often across the borders of tiles as beside them")
    assert ("grid.overlap: merge" in told) == owner


def test_ratio_by_hand() -> None:
    assert Seam(Pairs(100, 30), Pairs(1000, 200)).ratio == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("across", "beside", "visible"),
    [
        (Pairs(1000, 310), Pairs(1000, 200), True),
        (Pairs(1000, 290), Pairs(1000, 200), False),
        (Pairs(100, 99), Pairs(1000, 200), False),  # too few to tell
        (Pairs(1000, 310), Pairs(1000, 0), False),
    ],
)
def test_a_border_is_visible_where_many_more_pairs_differ(across: Pairs, beside: Pairs, visible: bool) -> None:
    assert Seam(across, beside).is_visible == visible
