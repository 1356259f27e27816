"""Where a band or an index stands in the feature vector, date after date."""

from dataclasses import replace
from datetime import date

from sitspark.kernels.feature_space import FeatureSpace, Index, SensorFeatures
from sitspark.kernels.filling import Unfilled
from sitspark.timegrid import AcquisitionDates, TimeGrid

GRID = TimeGrid(date(2018, 1, 1), date(2018, 1, 25), 10)
SENTINEL = SensorFeatures("sentinel2", ("B4", "B8"), GRID, (Index("ndvi"), Index("brightness")), red="B4", nir="B8", swir=None)
YEAR = TimeGrid(GRID.start, GRID.end, 20)
LANDSAT = SensorFeatures("landsat8", ("B4", "B5"), YEAR, (Index("ndvi"),), red="B4", nir="B5", swir=None)


def test_the_features_of_a_series_are_those_with_its_name_and_dates() -> None:
    space = FeatureSpace((SENTINEL,), ("elevation",))
    assert list(space.series) == ["b4", "b8", "ndvi", "brightness"]
    for name, series in space.series.items():
        assert [space.names[at] for at in series.positions] == [f"{name}_{day:%Y%m%d}" for day in series.dates]
    assert space.series["b8"].positions == (1, 3, 5)


def test_of_several_sensors_a_name_alone_is_there_where_one_of_them_has_it() -> None:
    series = FeatureSpace((SENTINEL, LANDSAT)).series
    assert "ndvi" not in series and series["sentinel2_ndvi"] != series["landsat8_ndvi"]
    assert series["b5"] == series["landsat8_b5"] and series["b5"].positions == (13, 15)
    assert series["b5"].name == "landsat8_b5" and series["b5"].dates == LANDSAT.grid.dates


def test_only_series_that_are_features_have_places() -> None:
    statistics = (("ndvi", ("mean",)),)
    assert list(FeatureSpace((replace(SENTINEL, kept="indices", statistics=statistics),)).series) == ["ndvi", "brightness"]
    assert FeatureSpace((replace(SENTINEL, kept="none", statistics=statistics),)).series == {}
    raw = replace(SENTINEL, filler=Unfilled(), grid=AcquisitionDates((date(2018, 1, 1), date(2018, 1, 6))))
    space = FeatureSpace((raw,))
    assert [space.names[at] for at in space.series["valid"].positions] == ["valid_20180101", "valid_20180106"]
