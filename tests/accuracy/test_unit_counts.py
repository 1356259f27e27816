"""Counting polygons: each once, as most of its pixels are, and ties are told."""

import numpy as np
import pytest

from sitspark.accuracy.unit_counts import UnitCounts

CODES = (11, 12, 31)


def counts(*rows: tuple[int, int, int, int]) -> UnitCounts:
    return UnitCounts(*np.array(rows, np.int64).reshape(-1, 4).T)


@pytest.mark.parametrize(
    ("rows", "expected", "ties"),
    [
        pytest.param([], {}, 0, id="nothing"),
        pytest.param([(7, 11, 11, 3), (7, 11, 31, 9)], {(11, 31): 1}, 0, id="most pixels decide"),
        pytest.param([(7, 11, 31, 5), (7, 11, 11, 3), (7, 11, 11, 3)], {(11, 11): 1}, 0, id="rows of one cell add up"),
        pytest.param([(7, 31, 31, 4), (7, 31, 12, 4), (8, 31, 31, 1)], {(31, 12): 1, (31, 31): 1}, 1, id="a tie"),
        pytest.param([(7, 11, 0, 90), (7, 11, 12, 1)], {(11, 12): 1}, 0, id="what is not classified doesn't count"),
        pytest.param([(7, 11, 11, 1), (7, 12, 11, 1)], {(11, 11): 1, (12, 11): 1}, 0, id="a unit of two classes"),
    ],
)
def test_each_polygon_counts_once(rows: list[tuple[int, int, int, int]], expected: dict, ties: int) -> None:
    for order in (1, -1):
        found = counts(*rows[::order]).majority(CODES)
        cells = {
            (CODES[i], CODES[j]): int(found.matrix.counts[i, j]) for i, j in zip(*found.matrix.counts.nonzero(), strict=True)
        }
        assert (cells, found.ties) == (expected, ties)
