"""A table as one file of plain columns: the same values under their names, however it lay in files."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sitspark.errors import SitsparkError
from sitspark.samples import wide
from sitspark.samples.wide import wide_names, write_wide

NAMES = ("b4_20180101", "ndvi_20180101")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Samples in two files, features among the keys."""
    folder = tmp_path / "samples"
    folder.mkdir()
    for number in range(2):
        ids = np.arange(5) + 5 * number
        features = [np.array([one / 3, -one], np.float32) for one in ids]
        columns = {"sample_id": ids, "features": features, "fold": [None, "a", "b", 'with "quotes"', "and, comma"]}
        pq.write_table(pa.table(columns), folder / f"part-{number}.parquet")
    return folder


@pytest.mark.parametrize(("suffix", "read"), [(".csv", pd.read_csv), (".parquet", pd.read_parquet)])
def test_a_file_holds_every_value_under_its_name(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, read: object
) -> None:
    monkeypatch.setattr(wide, "_BLOCK", 2)
    target = tmp_path / f"samples{suffix}"
    assert write_wide(table, target, features=NAMES) == 10
    found = read(target)  # type: ignore[operator]
    assert list(found) == ["sample_id", "fold", *NAMES]
    assert (found["sample_id"] == np.arange(10)).all()
    assert (found[NAMES[0]].astype("float32") == (np.arange(10) / 3).astype("float32")).all()
    assert (found[NAMES[1]] == -np.arange(10)).all()
    assert found["fold"].isna().tolist() == [True, False, False, False, False] * 2
    assert found["fold"].dropna().tolist() == ["a", "b", 'with "quotes"', "and, comma"] * 2


def test_a_feature_named_like_a_key_gets_a_number() -> None:
    assert wide_names(("lon", "b4", "B4", "slope"), ("label", "Lon")) == ("lon_2", "b4", "B4_2", "slope")


def test_vectors_of_another_length_are_refused_and_leave_the_old_file(table: Path, tmp_path: Path) -> None:
    target = tmp_path / "samples.csv"
    target.write_text("old")
    with pytest.raises(SitsparkError, match=r"part-0\.parquet: holds vectors of another length than 3"):
        write_wide(table, target, features=(*NAMES, "elevation"))
    assert target.read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"samples", "samples.csv"}
