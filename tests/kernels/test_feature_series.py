"""Where NDVI, or what stands for it, is in the feature vector: told by the names of the features."""

from dataclasses import replace
from datetime import date

import pytest

from sitspark.kernels.feature_series import shown_series
from sitspark.kernels.feature_space import FeatureSpace, Index, SensorFeatures
from sitspark.kernels.filling import Unfilled
from sitspark.timegrid import AcquisitionDates, TimeGrid

SHORT, LONG = (TimeGrid(date(2018, 1, 1), date(2018, month, 1), 10) for month in (2, 4))


def sensor(name: str, grid: TimeGrid, *indices: str) -> SensorFeatures:
    return SensorFeatures(name, ("B4", "B8", "B11"), grid, tuple(map(Index, indices)), red="B4", nir="B8", swir="B11")


@pytest.mark.parametrize(
    ("sensors", "quantity", "of", "prefix"),
    [
        ([sensor("a", SHORT, "ndvi", "ndwi")], "NDVI", "a", "ndvi_"),
        ([sensor("a", SHORT, "ndwi", "ndvi")], "NDVI", "a", "ndvi_"),
        ([sensor("a", SHORT, "ndwi"), sensor("b", LONG, "brightness", "ndvi")], "NDVI", "b", "b_ndvi_"),
        ([sensor("a", SHORT), sensor("b", LONG, "brightness")], "brightness", "b", "b_brightness_"),
        ([sensor("a", SHORT), sensor("b", LONG)], "B4", "a", "a_b4_"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_the_positions_are_those_of_the_names(sensors: list, quantity: str, of: str, prefix: str) -> None:
    space = FeatureSpace(tuple(sensors), ("elevation",))
    shown = shown_series(space)
    assert shown is not None
    assert (shown.name, shown.sensor) == (quantity, of)
    assert [space.names[position] for position in shown.positions] == [f"{prefix}{day:%Y%m%d}" for day in shown.dates]
    assert shown.scale == (1000 if quantity == "NDVI" else 1)


def test_without_a_gap_filled_series_among_the_features_there_is_nothing_to_show() -> None:
    statistics = replace(sensor("a", SHORT, "ndvi"), kept="none", statistics=(("ndvi", ("mean",)),))
    assert shown_series(FeatureSpace((statistics,))) is None
    raw = replace(sensor("a", SHORT, "ndvi"), filler=Unfilled(), grid=AcquisitionDates(SHORT.dates))
    assert shown_series(FeatureSpace((raw,))) is None
