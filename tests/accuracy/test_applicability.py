import re
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from sitspark.accuracy.applicability import Applicability, ApproximationError, Distances, Part, parts_csv
from sitspark.accuracy.applicability_figure import applicability_figure
from sitspark.accuracy.approximation import error_of
from sitspark.accuracy.importance import groups_of, weights_of
from sitspark.accuracy.report import Report, render
from sitspark.kernels.feature_space import FeatureSpace, Index, SensorFeatures
from sitspark.models.applicability import AreaOfApplicability, FoldedSamples
from sitspark.timegrid import TimeGrid

GRID = TimeGrid(date(2018, 1, 1), date(2018, 1, 31), 10)  # four dates
SENSOR = SensorFeatures("sentinel2", ("B4", "B8"), GRID, (Index("ndvi"),), red="B4", nir="B8", swir=None)
SPACE = FeatureSpace((SENSOR,), ("elevation",))


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        pytest.param({}, {"b4": 0.5, "b8": 0.5, "ndvi": 0.5, "elevation": 1}, id="not asked: all count the same"),
        pytest.param(
            {("band", "B4"): 0.2, ("band", "B8"): -0.01, ("band", "ndvi"): 0.1, ("layer", "elevation"): 0.1},
            {"b4": 0.1, "b8": 0, "ndvi": 0.05, "elevation": 0.1},
            id="by what is lost, divided among dates",
        ),
        pytest.param(
            {("date", "2018-01-01"): 0.3}, {"b4": 0.5, "b8": 0.5, "ndvi": 0.5, "elevation": 1}, id="dates don't count"
        ),
        pytest.param({("band", "B4"): -0.2}, {"b4": 0.5, "b8": 0.5, "ndvi": 0.5, "elevation": 1}, id="nothing is lost"),
    ],
)
def test_features_count_what_their_band_is_worth(losses: Any, expected: dict[str, float]) -> None:
    weights = dict(zip(SPACE.names, weights_of(groups_of(SPACE), losses), strict=True))
    assert weights == pytest.approx({name: expected[name.split("_")[0]] for name in SPACE.names})


def test_the_numbers_of_a_map_are_those_of_its_pixels() -> None:
    random = np.random.default_rng(1)
    values = random.integers(0, 2500, 10_001)
    found = Distances.mapped(np.bincount(values, minlength=65535), scale=1000, threshold=0.4)
    pixels = Distances.measured("map", values / 1000 * 0.4, 0.4)
    assert (found.count, found.outside) == (10_001, pytest.approx(np.mean(values > 1000)))
    assert found.percentiles == pytest.approx(pixels.percentiles)


def found_of(near: float, far: float | None, drawn: float | None) -> Applicability:
    random = np.random.default_rng(0).normal(0, 0.01, 501)
    medians = {"training_left_out": 0.2, "set_aside": near, "set_aside_left_out": far, "map": drawn}
    distances = tuple(
        Distances.measured(of, np.abs(median + random), 0.3)  # type: ignore[arg-type]  # they are its keys
        for of, median in medians.items()
        if median is not None
    )
    parts, error = (Part("a", 5, 0.1, 0.5),), ApproximationError(100, 0.01, 2)
    return Applicability(0.3, "tile", True, 900, 16, 200, error, distances, folds=parts, tiles=parts)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        pytest.param(
            found_of(0.1, 0.4, 0.12),
            ["(4.0 times as much) when their tile is left out", "samples of the same area, whose score"],
            id="near",
        ),
        pytest.param(
            found_of(0.1, 0.4, 0.38), ["0.0% and 100.0% of them", "samples of a tile left out, whose score"], id="far"
        ),
        pytest.param(
            found_of(0.1, None, 0.5), ["0.0% of them are outside", "of 0.5", "100.0% of them are outside"], id="no folds"
        ),
        pytest.param(found_of(0.1, 0.4, None), ["median dissimilarity of 0.1"], id="no map"),
    ],
)
def test_a_sentence_says_what_they_mean(found: Applicability, words: list[str]) -> None:
    assert all(word in found.sentence for word in words), found.sentence
    assert Applicability.from_json(found.to_json()) == found
    assert applicability_figure(found).startswith(b"\x89PNG")


def test_tiles_are_rows() -> None:
    assert parts_csv([Part("31TCJ", 200, 0.25, 0.125)]).splitlines() == [
        "tile,pixels,outside,share_outside,median_dissimilarity",
        "31TCJ,200,25,0.125000,0.250000",
    ]


def test_the_error_is_what_the_approximation_costs() -> None:
    random = np.random.default_rng(3)
    known = FoldedSamples(random.normal(size=(600, 20)).astype(np.float32), random.integers(0, 3, 600))
    probes = random.normal(0, 1.2, (300, 20)).astype(np.float32)
    exact = AreaOfApplicability.fit(known, np.ones(20), dimensions=20, cells=1)
    assert error_of(exact, known, probes).changed == 0
    assert error_of(exact, known, probes).mean < 1e-3
    coarse = AreaOfApplicability.fit(known, np.ones(20), dimensions=2, cells=20)
    assert error_of(coarse, known, probes).mean > 0.01
    # one whose threshold is too low has all of those on the wrong side that are between
    low = replace(exact, threshold=exact.threshold / 2)
    between = (exact.index(probes) > low.threshold) & (exact.index(probes) <= exact.threshold)
    assert error_of(low, known, probes).changed == between.sum() > 0


def test_the_report_says_it_where_it_is_known(full_report: Report) -> None:
    area = found_of(0.1, 0.4, 0.25)
    html = render(replace(full_report, applicability=area))
    assert f"{area.sentence[1:]}.</p>" in html and '<a href="#applicability">' in html
    row = re.search(r'<tr><th scope="row">a</th>(.*?)</tr>', html)
    assert row is not None and re.findall(r"<td>(.*?)</td>", row[1]) == ["5", "0.100", "50.0 %"]
    assert "of 100 samples set aside 2 would be on the other side" in html
    assert "pplicability" not in render(replace(full_report, applicability=None))
