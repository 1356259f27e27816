import numpy as np
import pytest
import torch

from sitspark.models.networks.layout import Layout
from sitspark.models.networks.series import StandardisedSeries
from sitspark.models.statistics import Statistics

from .spaces import SPACES, features_of


@pytest.mark.parametrize("name", SPACES)
def test_series_are_standardised_over_all_dates_and_0_where_invalid(name: str) -> None:
    space = SPACES[name]
    features, layout = features_of(space, 400), Layout.of(space)
    module = StandardisedSeries(layout)
    module.take(Statistics.of_features(features))
    series, rest = module(torch.from_numpy(features))
    for of_sensor, place in zip(series, layout.sensors, strict=True):
        valid = np.ones((400, len(place.dates)), bool) if place.valid is None else features[:, place.valid] > 0
        np.testing.assert_array_equal(of_sensor.valid, valid)
        values = of_sensor.values.numpy()
        assert (values[~valid] == 0).all()
        np.testing.assert_allclose(values[valid].mean(0), 0, atol=1e-4)
        np.testing.assert_allclose(values[valid].std(0), 1, atol=1e-4)
        expected = features[:, place.positions][valid].astype(np.float64)
        np.testing.assert_allclose(values[valid], (expected - expected.mean(0)) / expected.std(0), atol=1e-4)
    others = features[:, layout.rest].astype(np.float64)
    np.testing.assert_allclose(rest, (others - others.mean(0)) / others.std(0), atol=1e-4)


def test_a_channel_that_never_varies_is_0() -> None:
    space = SPACES["gap-filled"]
    features, layout = features_of(space, 50), Layout.of(space)
    features[:, layout.sensors[0].positions[:, 1]] = 1234.5
    module = StandardisedSeries(layout)
    module.take(Statistics.of_features(features))
    [series], _ = module(torch.from_numpy(features))
    assert (series.values[:, :, 1] == 0).all()
