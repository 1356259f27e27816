from datetime import date
from typing import Any

import numpy as np
import pytest

from sitspark.errors import SitsparkError
from sitspark.kernels.feature_space import FeatureSpace, Index, SensorFeatures
from sitspark.kernels.filling import Unfilled
from sitspark.models.networks.layout import Layout
from sitspark.models.statistics import Statistics
from sitspark.timegrid import AcquisitionDates, TimeGrid

from .spaces import ACQUIRED, SPACES, features_of, sensor, validities


def of_one(**fields: Any) -> FeatureSpace:
    base = {"red": "B4", "nir": "B8", "swir": None, "grid": TimeGrid(date(2018, 12, 17), date(2019, 1, 6), 10)}
    return FeatureSpace(
        (SensorFeatures("sentinel2", ("B4", "B8"), indices=(Index("ndvi"),), **base | fields),), static=("dem",)
    )


@pytest.mark.parametrize("name", SPACES)
def test_every_series_is_where_the_names_of_the_features_say(name: str) -> None:
    space = SPACES[name]
    layout = Layout.of(space)
    for series in layout.sensors:
        prefix = f"{series.sensor}_" if len(space.sensors) > 1 else ""
        expected = [[f"{prefix}{channel.lower()}_{day:%Y%m%d}" for channel in series.channels] for day in series.dates]
        assert [[layout.names[p] for p in row] for row in series.positions] == expected
        assert series.channels == ("B4", "B8", "ndvi")
        if series.valid is not None:
            assert [layout.names[p] for p in series.valid] == [f"{prefix}valid_{day:%Y%m%d}" for day in series.dates]


def test_the_rest_is_what_no_series_has() -> None:
    layout = Layout.of(SPACES["two sensors and the rest"])
    assert [layout.names[p] for p in layout.rest] == ["sentinel2_ndvi_mean", "sentinel2_ndvi_std", "elevation", "texture"]
    assert len(Layout.of(SPACES["raw"]).rest) == 0


def test_days_count_on_across_the_end_of_a_year() -> None:
    assert Layout.of(of_one()).sensors[0].days == (351, 361, 371)


def test_days_of_acquisitions_are_theirs() -> None:
    dates = AcquisitionDates((date(2020, 2, 29), date(2020, 12, 31), date(2021, 1, 1)))
    assert Layout.of(of_one(grid=dates, filler=Unfilled())).sensors[0].days == (60, 366, 367)


@pytest.fixture
def without_series() -> FeatureSpace:
    return of_one(kept="none", statistics=(("ndvi", ("mean",)),))


def test_without_series_all_is_the_rest(without_series: FeatureSpace) -> None:
    layout = Layout.of(without_series)
    assert layout.sensors == ()
    assert layout.rest.tolist() == [0, 1]


def test_a_network_of_series_refuses_features_without(without_series: FeatureSpace) -> None:
    with pytest.raises(SitsparkError, match=r"training\.network: ltae learns from series.*set features\.series to all"):
        Layout.of(without_series).require_series("ltae")


def test_indices_alone_are_a_series() -> None:
    series = Layout.of(of_one(kept="indices")).sensors[0]
    assert series.channels == ("ndvi",)
    assert series.positions.tolist() == [[0], [1], [2]]


@pytest.mark.parametrize("name", SPACES)
def test_pooled_statistics_are_those_of_all_valid_values_of_a_channel(name: str) -> None:
    space = SPACES[name]
    features, layout = features_of(space, 500), Layout.of(space)
    pooled = layout.pooled(Statistics.of_features(features))
    for series in layout.sensors:
        valid = np.ones((500, len(series.dates)), bool) if series.valid is None else features[:, series.valid] > 0
        for positions in series.positions.T:
            values = features[:, positions][valid].astype(np.float64)
            np.testing.assert_allclose(pooled.mean[positions], values.mean(), rtol=1e-9)
            np.testing.assert_allclose(pooled.deviation[positions], values.std(), rtol=1e-7)
    np.testing.assert_array_equal(pooled.mean[layout.rest], Statistics.of_features(features).mean[layout.rest])


def test_what_says_where_an_acquisition_is_stays_as_it_is() -> None:
    space = SPACES["raw"]
    pooled = Layout.of(space).pooled(Statistics.of_features(features_of(space, 50)))
    [(_, valid)] = validities(space)
    assert set(pooled.mean[valid]) == {0} and set(pooled.deviation[valid]) == {1}


def test_a_series_without_any_acquisition_has_no_deviation_to_divide_by() -> None:
    space = FeatureSpace((sensor(raw=True),))
    pooled = Layout.of(space).pooled(Statistics.of_features(np.zeros((10, len(space)), np.float32)))
    assert set(pooled.mean) == {0} and set(pooled.deviation) == {1}
    assert len(ACQUIRED) * 4 == len(space)
