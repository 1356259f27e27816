"""Areas and accuracies of a whole map: the worked example of the paper, and what follows from how the reference was drawn."""

from collections.abc import Callable

import numpy as np
import pytest

from sitspark.accuracy.area_estimates import AreaEstimates, Estimate, estimates_of_polygons, estimates_of_samples
from sitspark.accuracy.matrix import ConfusionMatrix
from sitspark.accuracy.unit_counts import UnitCounts

# Olofsson et al. (2014), table 8: deforestation, forest gain, stable forest, stable non-forest; pixels of 30 m
CODES = (1, 2, 3, 4)
MAPPED = dict(zip(CODES, (200_000, 150_000, 3_200_000, 6_450_000), strict=True))
SAMPLES = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]]).T  # theirs has the map in rows
HECTARES = sum(MAPPED.values()) * 0.09


@pytest.fixture
def paper() -> AreaEstimates:
    return estimates_of_samples(ConfusionMatrix(CODES, SAMPLES), MAPPED, design="stratified")


def half(estimate: Estimate | None) -> float:
    assert estimate is not None and estimate.standard_error is not None
    return 1.959964 * estimate.standard_error


def values(estimates: list[Estimate | None]) -> list[float | None]:
    return [of and of.value for of in estimates]


def test_the_worked_example_of_the_paper_to_the_printed_digits(paper: AreaEstimates) -> None:
    # table 9
    printed = [
        [0.0176, 0, 0.0013, 0.0011],
        [0, 0.0110, 0.0016, 0.0024],
        [0.0019, 0, 0.2967, 0.0213],
        [0.0040, 0.0020, 0.0179, 0.6212],
    ]
    assert np.round(np.array(paper.proportions).T, 4).tolist() == printed
    # section 5.2
    assert paper.overall_accuracy is not None
    assert (round(paper.overall_accuracy.value, 2), round(half(paper.overall_accuracy), 2)) == (0.95, 0.02)
    users, producers, ground = (
        [getattr(of, name) for of in paper.classes] for name in ("users_accuracy", "producers_accuracy", "share")
    )
    assert np.round(values(users), 2).tolist() == [0.88, 0.73, 0.93, 0.96]
    assert np.round([half(of) for of in users], 2).tolist() == [0.07, 0.10, 0.04, 0.02]
    assert np.round(values(producers), 2).tolist() == [0.75, 0.85, 0.93, 0.96]
    # printed are 0.23 and 0.01 for the second and the last, which their equation 7 doesn't give
    assert np.round([half(of) for of in producers], 2).tolist() == [0.21, 0.25, 0.03, 0.02]
    assert round(values(ground)[0] * HECTARES) == 21_158 and round(half(ground[0]) * HECTARES) == 6_158
    assert (paper.assessed_pixels, paper.mapped_pixels) == (10_000_000, 10_000_000)
    assert [of.samples for of in paper.classes] == [75, 75, 165, 325]


def test_intervals_lie_around_estimates_and_within_what_is_possible(paper: AreaEstimates) -> None:
    gain = paper.classes[1].producers_accuracy
    assert gain is not None and gain.high == 1.0 and gain.low == pytest.approx(gain.value - half(gain))


def campaigns(design: str) -> tuple[np.ndarray, Callable[[], np.ndarray]]:
    """The truth, pixels of a landscape by reference and map, and a function that draws 900 of them by a design."""
    truth = np.array([[500, 20, 10], [60, 2000, 130], [40, 80, 7160]])  # rows = reference
    random = np.random.default_rng(5)
    cells = truth / truth.sum()

    def draw() -> np.ndarray:
        if design == "random":
            return random.multinomial(900, cells.ravel()).reshape(3, 3)
        return np.stack([random.multinomial(300, cells[:, h] / cells[:, h].sum()) for h in range(3)], axis=1)

    return truth, draw


@pytest.mark.parametrize("design", ["stratified", "random"])
def test_standard_errors_are_those_of_many_campaigns(design: str) -> None:
    truth, draw = campaigns(design)
    mapped = dict(zip((1, 2, 3), truth.sum(axis=0).tolist(), strict=True))
    found = [estimates_of_samples(ConfusionMatrix((1, 2, 3), draw()), mapped, design=design) for _ in range(1500)]
    for of in (
        lambda e: e.overall_accuracy,
        lambda e: e.classes[0].users_accuracy,
        lambda e: e.classes[1].producers_accuracy,
        lambda e: e.classes[0].share,
    ):
        each = [of(one) for one in found]
        spread = np.std([one.value for one in each])
        assert np.mean([one.standard_error for one in each]) == pytest.approx(spread, rel=0.07)
        held = np.mean([one.low <= _true(of, truth) <= one.high for one in each])
        assert 0.9 < held < 0.98  # a normal interval of a rare class holds the truth a little too seldom


def _true(of: Callable, truth: np.ndarray) -> float:
    mapped = dict(zip((1, 2, 3), truth.sum(axis=0).tolist(), strict=True))
    return of(estimates_of_samples(ConfusionMatrix((1, 2, 3), truth), mapped, design="random")).value


def test_the_design_changes_errors_and_no_estimate() -> None:
    samples = ConfusionMatrix(CODES, SAMPLES)
    stratified, random = (estimates_of_samples(samples, MAPPED, design=design) for design in ("stratified", "random"))
    assert stratified.proportions == random.proportions
    assert half(stratified.classes[0].share) != half(random.classes[0].share)


def test_a_stratum_of_fewer_than_two_samples_is_not_assessed(paper: AreaEstimates) -> None:
    few = SAMPLES.copy()
    few[:, 1] = (0, 1, 0, 0)
    found = estimates_of_samples(ConfusionMatrix(CODES, few), MAPPED, design="stratified")
    assert (found.assessed_pixels, found.mapped_pixels) == (9_850_000, 10_000_000)
    assert found.classes[1].users_accuracy is None and found.classes[1].samples == 1
    assert found.classes[1].producers_accuracy == Estimate(0.0, None, None, None)  # its one sample in other strata
    others = (0, 2, 3)
    for i in others:
        assert half(found.classes[i].users_accuracy) == pytest.approx(half(paper.classes[i].users_accuracy))
    # what its stratum holds of the class isn't known, and so its share neither; other strata hold a little of it
    assert found.classes[1].share is None
    elsewhere = sum(row or 0 for row in found.proportions[1])
    assert sum(of.share.value for of in found.classes if of.share) + elsewhere == pytest.approx(1)


def test_nothing_assessed_leaves_all_undefined() -> None:
    empty = ConfusionMatrix.empty(CODES)
    nothing = UnitCounts(*(np.zeros(0, np.int64),) * 4)
    for found in (
        estimates_of_samples(empty, MAPPED, design="stratified"),
        estimates_of_samples(empty, MAPPED, design="random"),
        estimates_of_samples(ConfusionMatrix(CODES, SAMPLES), {}, design="random"),
        estimates_of_polygons(nothing, MAPPED, CODES, seed=0),
    ):
        assert found.overall_accuracy is None and found.assessed_pixels == 0
        for of in found.classes:
            assert of.users_accuracy is of.producers_accuracy is of.share is None
        assert {share for row in found.proportions for share in row} == {None}


def test_what_samples_have_in_common_tells_no_error() -> None:
    found = estimates_of_samples(ConfusionMatrix(CODES, np.diag([9, 9, 9, 9])), MAPPED, design="stratified")
    alone = UnitCounts(np.arange(40), np.tile(CODES, 10), np.tile(CODES, 10), np.arange(1, 41))
    of_polygons = estimates_of_polygons(alone, MAPPED, CODES, seed=0)
    assert found.overall_accuracy == of_polygons.overall_accuracy == Estimate(pytest.approx(1.0), None, None, None)
    alike = [Estimate(pytest.approx(n / 1e7), None, None, None) for n in MAPPED.values()]
    assert [of.share for of in found.classes] == alike == [of.share for of in of_polygons.classes]


@pytest.fixture
def points() -> UnitCounts:
    """The samples of the paper as polygons of one pixel."""
    reference, produced = (np.repeat(of.ravel() + 1, SAMPLES.ravel()) for of in np.indices((4, 4)))
    return UnitCounts(np.arange(len(reference)), reference, produced, np.ones(len(reference), int))


def test_intervals_by_polygons_of_one_pixel_are_near_those_of_a_random_sample(points: UnitCounts) -> None:
    samples = ConfusionMatrix(CODES, SAMPLES)
    mapped = dict(zip(CODES, samples.produced_pixels, strict=True))
    drawn = estimates_of_polygons(points, mapped, CODES, seed=1)
    random = estimates_of_samples(samples, mapped, design="random")
    assert np.array(drawn.proportions) == pytest.approx(np.array(random.proportions))
    assert drawn.design == "polygons" and [of.samples for of in drawn.classes] == [75, 75, 165, 325]
    for one, other in zip(drawn.classes, random.classes, strict=True):
        for of in ("users_accuracy", "producers_accuracy", "share"):
            assert half(getattr(one, of)) == pytest.approx(half(getattr(other, of)), rel=0.06)


def test_pixels_of_one_polygon_are_one_witness(points: UnitCounts) -> None:
    many = UnitCounts(points.unit, points.reference, points.produced, 100 * points.pixels)
    one, other = (estimates_of_polygons(of, MAPPED, CODES, seed=1).classes for of in (points, many))
    assert [half(of.share) for of in one] == pytest.approx([half(of.share) for of in other])
