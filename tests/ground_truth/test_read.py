"""Ids of features: whole numbers however they are written, and each its own."""

from pathlib import Path

import geopandas
import pytest
import shapely

from sitspark.errors import SitsparkError
from sitspark.ground_truth.read import read_features
from sitspark.settings import GroundTruthSettings


def numbers(folder: Path, ids: list) -> list[int]:
    squares = [shapely.box(i, 0, i + 1, 1) for i in range(len(ids))]
    frame = geopandas.GeoDataFrame({"key": ids, "code": [1] * len(ids)}, geometry=squares, crs=32631)
    frame.to_parquet(folder / "some.parquet")
    settings = GroundTruthSettings(file=folder / "some.parquet", label_field="code", id_field="key")
    return [
        n for group in read_features(settings, folder / "staged").groups for n in group.read("number")["number"].to_pylist()
    ]


@pytest.mark.parametrize("ids", [[3, 1], [3.0, 1.0], ["3", "1"], ["3.0", "1"]], ids=str)
def test_ids_are_whole_numbers_however_they_are_written(tmp_path: Path, ids: list) -> None:
    assert numbers(tmp_path, ids) == [3, 1]


@pytest.mark.parametrize(
    ("ids", "sentence"),
    [
        (["1", "x"], r"holds what is no integer \('x'\)"),
        ([1.0, 1.5], r"holds what is no integer \('1\.5'\)"),
        (["1", "1e30"], r"holds what is no integer \('1e30'\)"),
        (["1", None], "has a feature without a value in 'key'"),
        ([4, 4], "has 2 features of id 4 in 'key'"),
    ],
)
def test_ids_that_tell_no_feature_from_another_are_refused(tmp_path: Path, ids: list, sentence: str) -> None:
    with pytest.raises(SitsparkError, match=rf"ground_truth\.id_field: .*some\.parquet {sentence}|'key' of .* {sentence}"):
        numbers(tmp_path, ids)
