"""References from a table: in the order of classes, polygons and turns, and refused where nothing can be compared."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sitspark.errors import SitsparkError
from sitspark.samples.judge import fit_references, load_references, save_references


def written(folder: Path, features: np.ndarray) -> Path:
    """Two classes of three polygons of two samples, in any order and two files."""
    count = len(features)
    number = np.arange(count)
    table = pa.table(
        {
            "label": pa.array(1 + number // 6, pa.int32()),
            "place": pa.array(1 + number // 2 % 3, pa.int32()),
            "turn": pa.array(1 + number % 2, pa.int32()),
            "polygon_id": pa.array(70 - number // 2),
            "features": pa.array(list(features), pa.list_(pa.float32())),
        }
    ).take(np.random.default_rng(0).permutation(count))
    folder.mkdir()
    for part, start in enumerate((0, count // 2)):
        pq.write_table(table.slice(start, count - count // 2 if part else count // 2), folder / f"part-{part}.parquet")
    return folder


def test_references_are_in_the_order_of_classes_and_places_and_read_back(tmp_path: Path) -> None:
    found = fit_references(written(tmp_path / "t", np.random.default_rng(1).normal(size=(12, 3))), neighbours=2)
    assert found.codes.tolist() == [1, 2] and found.polygons.tolist() == [70, 69, 68, 67, 66, 65]
    assert found.points_of.tolist() == [0, 2, 4, 6, 8, 10, 12] and found.polygons_of.tolist() == [0, 3, 6]
    save_references(found, tmp_path / "r.npz")
    again = load_references(tmp_path / "r.npz")
    for name in ("points", "axes", "polygons", "typical"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))


@pytest.mark.parametrize(
    ("features", "sentence"),
    [(np.empty((0, 3)), "no training sample to compare with"), (np.full((12, 3), np.nan), "aren't finite numbers")],
    ids=["none", "nan"],
)
def test_references_that_tell_nothing_are_refused(features: np.ndarray, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(SitsparkError, match=f"samples.quality: .*{sentence}"):
        fit_references(written(tmp_path / "t", features), neighbours=2)
