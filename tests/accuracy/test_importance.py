from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from sitspark.accuracy.importance import FeatureGroup, groups_of, permutation_importance
from sitspark.kernels.feature_space import CustomFeatures, FeatureSpace, Index, SensorFeatures
from sitspark.kernels.filling import Unfilled
from sitspark.timegrid import AcquisitionDates, TimeGrid

GRID = TimeGrid(date(2018, 1, 1), date(2018, 1, 21), 10)
OPTICAL = SensorFeatures("sentinel2", ("B4", "B8"), GRID, (Index("ndvi"),), red="B4", nir="B8", swir=None)
RADAR = SensorFeatures(
    "radar",
    ("VV",),
    AcquisitionDates((date(2018, 1, 3), date(2018, 1, 9))),
    (),
    red=None,
    nir=None,
    swir=None,
    filler=Unfilled(),
)


def named(space: FeatureSpace) -> dict[str, list[str]]:
    """The names of the features of each group."""
    return {group.name: [space.names[place] for place in group.positions] for group in groups_of(space)}


def test_a_date_has_all_series_of_its_day_and_a_band_all_its_days() -> None:
    assert named(FeatureSpace((OPTICAL,))) == {
        "2018-01-01": ["b4_20180101", "b8_20180101", "ndvi_20180101"],
        "2018-01-11": ["b4_20180111", "b8_20180111", "ndvi_20180111"],
        "2018-01-21": ["b4_20180121", "b8_20180121", "ndvi_20180121"],
        "B4": ["b4_20180101", "b4_20180111", "b4_20180121"],
        "B8": ["b8_20180101", "b8_20180111", "b8_20180121"],
        "ndvi": ["ndvi_20180101", "ndvi_20180111", "ndvi_20180121"],
    }


def test_sensors_have_dates_of_their_own_and_raw_series_their_validity() -> None:
    found = named(FeatureSpace((OPTICAL, RADAR)))
    assert found["radar_2018-01-03"] == ["radar_vv_20180103", "radar_valid_20180103"]
    assert found["radar_valid"] == ["radar_valid_20180103", "radar_valid_20180109"]
    assert found["sentinel2_B4"][0] == "sentinel2_b4_20180101"


def test_statistics_go_with_their_band_and_layers_alone() -> None:
    year = TimeGrid(date(2018, 1, 1), date(2018, 12, 31), 30)
    statistics = replace(OPTICAL, grid=year, kept="none", statistics=(("ndvi", ("mean", "harmonic1")), ("B8", ("max",))))
    space = FeatureSpace((statistics,), ("elevation",), CustomFeatures(("texture",), "0", 0))
    assert named(space) == {
        "ndvi": ["ndvi_mean", "ndvi_harmonic1_cos1", "ndvi_harmonic1_sin1"],
        "B8": ["b8_max"],
        "elevation": ["elevation"],
        "texture": ["texture"],
    }
    assert [group.kind for group in groups_of(space)] == ["band", "band", "layer", "custom"]
    both = named(FeatureSpace((replace(OPTICAL, statistics=(("B4", ("min",)),)),)))
    assert both["B4"][-1] == "b4_min" and both["2018-01-01"] == ["b4_20180101", "b8_20180101", "ndvi_20180101"]


def test_every_feature_is_in_a_band_or_alone() -> None:
    space = FeatureSpace((OPTICAL, RADAR), ("elevation",))
    covered = sorted(place for group in groups_of(space) if group.kind != "date" for place in group.positions)
    assert covered == list(range(len(space)))


@pytest.fixture
def problem() -> tuple[np.ndarray, np.ndarray]:
    """Features of noise, but that B8 of the second date is the label."""
    random = np.random.default_rng(0)
    label = random.integers(0, 3, 600)
    features = random.normal(0, 1, (600, len(FeatureSpace((OPTICAL,))))).astype(np.float32)
    features[:, FeatureSpace((OPTICAL,)).names.index("b8_20180111")] = label
    return features, label


def importances(
    features: np.ndarray, label: np.ndarray, seed: int = 0, repeats: int = 3
) -> dict[str, tuple[float, float | None]]:
    place = FeatureSpace((OPTICAL,)).names.index("b8_20180111")
    found = permutation_importance(
        lambda rows: np.rint(rows[:, place]).astype(int),
        features,
        label,
        groups_of(FeatureSpace((OPTICAL,))),
        repeats=repeats,
        seed=seed,
    )
    return {one.group.name: (one.loss, one.deviation) for one in found}


def test_only_the_date_and_the_band_that_carry_the_label_matter(problem: tuple[np.ndarray, np.ndarray]) -> None:
    found = importances(*problem)
    for name, (loss, deviation) in found.items():
        if name in ("2018-01-11", "B8"):
            assert loss == pytest.approx(2 / 3, abs=0.06)  # of three classes a third is right by chance
            assert deviation is not None and 0 < deviation < 0.05
        else:
            assert (loss, deviation) == (0, 0)


def test_the_same_seed_gives_the_same_and_the_samples_stay_as_they_are(problem: tuple[np.ndarray, np.ndarray]) -> None:
    before = problem[0].copy()
    assert importances(*problem) == importances(*problem) != importances(*problem, seed=1)
    np.testing.assert_array_equal(problem[0], before)
    assert importances(*problem, repeats=1)["B8"][1] is None


def test_features_of_a_group_are_permuted_alike() -> None:
    features = np.arange(100, dtype=np.float32)[:, None].repeat(3, 1)
    label = np.zeros(100, int)

    def apart(rows: np.ndarray) -> np.ndarray:
        return (rows[:, 0] != rows[:, 1]).astype(int)

    together, single = FeatureGroup("layer", "both", (0, 1)), FeatureGroup("layer", "one", (0,))
    losses = [one.loss for one in permutation_importance(apart, features, label, [together, single], repeats=2, seed=0)]
    assert losses[0] == 0 and losses[1] > 0.9
