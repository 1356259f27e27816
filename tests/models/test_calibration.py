import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.models.calibration import COLDEST, HOTTEST, calibrate, temperature_of


def drawn(count: int, classes: int, *, spread: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and positions that are drawn with just the probabilities that the scores say."""
    random = np.random.default_rng(seed)
    scores = random.normal(0, spread, (count, classes))
    probability = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return scores, (probability.cumsum(1) > random.random((count, 1))).argmax(1)


def likelihood_lost(scores: np.ndarray, positions: np.ndarray, temperature: float) -> float:
    scaled = scores / temperature
    highest = scaled.max(1)
    logarithm = np.log(np.exp(scaled - highest[:, None]).sum(1)) + highest
    return float((logarithm - scaled[np.arange(len(scaled)), positions]).mean())


@settings(deadline=None, max_examples=30)
@given(
    classes=st.integers(2, 8),
    spread=st.floats(0.3, 4),
    distortion=st.floats(0.1, 10),
    seed=st.integers(0, 2**31),
)
def test_no_temperature_of_a_fine_grid_is_likelier(classes: int, spread: float, distortion: float, seed: int) -> None:
    scores, positions = drawn(200, classes, spread=spread, seed=seed)
    scores *= distortion
    found = temperature_of(scores, positions)
    grid = np.geomspace(COLDEST, HOTTEST, 400)
    losses = [likelihood_lost(scores, positions, temperature) for temperature in grid]
    best = int(np.argmin(losses))
    if 0 < best < len(grid) - 1:
        assert grid[best - 1] < found < grid[best + 1]
        assert likelihood_lost(scores, positions, found) <= losses[best] + 1e-12
    else:
        assert found == 1.0 or found == pytest.approx(grid[best], rel=0.02)


@pytest.mark.parametrize("distortion", [0.2, 1.0, 5.0])
def test_a_distortion_of_true_probabilities_is_undone(distortion: float) -> None:
    scores, positions = drawn(50_000, 5, spread=1.5, seed=1)
    found = calibrate((scores * distortion).astype(np.float32), positions)
    assert found.temperature == pytest.approx(distortion, rel=0.03)
    assert found.samples == 50_000
    assert found.error_after is not None and found.error_after < 0.01
    assert found.error_before is not None and (found.error_before > 0.05 or distortion == 1)


def test_what_adds_the_same_to_all_scores_of_a_sample_changes_nothing() -> None:
    scores, positions = drawn(300, 4, spread=2, seed=2)
    shift = np.random.default_rng(0).normal(0, 1000, (300, 1))
    assert temperature_of(scores + shift, positions) == pytest.approx(temperature_of(scores, positions), rel=1e-9)


@pytest.mark.parametrize(
    ("scores", "positions"),
    [
        pytest.param(np.empty((0, 3)), [], id="no sample"),
        pytest.param(np.eye(3) * 4, [0, 1, 2], id="every sample is right"),
        pytest.param(np.ones((3, 3)), [0, 1, 2], id="all scores are alike"),
        pytest.param(np.zeros((5, 1)), [0] * 5, id="one class"),
    ],
)
def test_what_tells_no_temperature_leaves_probabilities_as_they_are(scores: np.ndarray, positions: list[int]) -> None:
    assert temperature_of(scores, np.array(positions, np.int64)) == 1.0


def test_what_wants_no_confidence_at_all_gets_as_little_as_there_is() -> None:
    assert temperature_of(np.eye(3) * 4, np.array([1, 2, 0])) == HOTTEST


def test_without_samples_no_error_is_known() -> None:
    found = calibrate(np.empty((0, 3), np.float32), np.empty(0, np.int64))
    assert (found.temperature, found.samples, found.error_before, found.error_after) == (1.0, 0, None, None)


def test_scores_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        calibrate(np.array([[0.0, -np.inf]]), np.array([0]))
