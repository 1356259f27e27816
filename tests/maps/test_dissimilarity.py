from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sitspark.grid import Grid, Territory, Window
from sitspark.maps.dissimilarity import Dissimilarity, values_by_tile
from sitspark.maps.products import DISSIMILARITY, write_chunk
from sitspark.models.applicability import AreaOfApplicability, FeatureScale

# the index is |value| / 5 to the one place 0, and 1 is the threshold
ONE = np.ones(1, np.float32)
AREA = AreaOfApplicability(
    FeatureScale(0 * ONE, ONE),
    np.ones((1, 1), np.float32),
    np.zeros((1, 2), np.float32),
    np.zeros(1, np.int64),
    np.zeros((1, 2), np.float32),
    np.array([0, 1]),
    2.5,
    2.0,
)


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float32)[:, np.newaxis]


def view(weight: np.ndarray | None) -> SimpleNamespace:
    return SimpleNamespace(weight=weight)


@pytest.mark.parametrize("cut", [1, 2, 4])
def test_values_are_parts_of_the_threshold_rounded_up(cut: int) -> None:
    """Above 1000 are those outside, and only those; blocks don't matter, nor what follows the pixels in them."""
    found = Dissimilarity.of(AREA, [view(None)], 4)  # type: ignore[list-item]
    values = column(0, 5, 5.001, 1e9)
    for first in range(0, 4, cut):
        found.take(slice(first, min(first + cut, 4)), [np.concatenate([values[first : first + cut], column(7, 7)])])
    assert found.finished(np.ones((2, 2), bool)).tolist() == [[0, 1000], [1001, 65534]]
    assert found.finished(np.array([[True, False], [True, True]])).tolist() == [[0, 65535], [1001, 65534]]


def test_of_several_series_it_is_the_mean_by_their_weights() -> None:
    weights = [np.array([[1, 3, 0, 0]], np.float32), np.array([[1, 1, 2, 0]], np.float32)]
    found = Dissimilarity.of(AREA, [view(weight) for weight in weights], 4)  # type: ignore[misc]
    found.take(slice(0, 4), [column(1, 1, 1, 1), column(3, 3, 3, 3)])
    assert found.finished(np.array([[True, True, True, False]])).tolist() == [[400, 300, 600, 65535]]


def test_pixels_are_counted_on_the_ground_of_their_tile(tmp_path: Path) -> None:
    """Of a raster that begins at row 10, column 20 of the output grid."""
    grid = Grid("EPSG:32631", 300200, 4899900, 10, 3, 4)
    pixels = np.array([[1, 1, 2, 65535], [1, 5, 2, 2], [65535, 65535, 2, 65534]], np.uint16)
    write_chunk(tmp_path / "dissimilarity.tif", pixels, grid, DISSIMILARITY)
    territories = [
        Territory("a", Window(0, 0, 12, 22)),
        Territory("b", Window(0, 22, 20, 30)),
        Territory("a", Window(12, 0, 20, 22)),  # a second part of it, where nothing is
        Territory("c", Window(100, 100, 10, 10)),  # elsewhere
    ]
    found = values_by_tile(tmp_path / "dissimilarity.tif", territories, origin=Window(10, 20, 3, 4))
    assert {tile: {int(v): int(n[v]) for v in np.flatnonzero(n)} for tile, n in found.items()} == {
        "a": {1: 3, 5: 1},
        "b": {2: 4, 65534: 1},
    }
