"""Temperature scaling: one number that makes the confidence of a classifier as large as it is right, after training.

Guo et al. (2017), On calibration of modern neural networks. Scores are logits, or logarithms of probabilities.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sitspark.accuracy.reliability import Reliability

# beyond these a few samples decide: without a single error the likelihood grows as the temperature falls to 0
COLDEST, HOTTEST = 0.05, 20.0

_LEAST = 1e-3  # of the order of one vote of a forest

MOST = 100_000  # samples that one number is found from; more change it by less than its third digit


@dataclass(frozen=True, slots=True)
class Calibration:
    """The temperature of a classifier, the samples that it was found from, and the expected calibration error on them.

    `error_before` is that of the scores as they are, `error_after` that of scores / temperature; None without samples.
    """

    temperature: float
    samples: int
    error_before: float | None
    error_after: float | None


def log_probabilities(probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The logarithms of probabilities (n, classes), none of them taken as less than a thousandth.

    What no tree of a forest votes for is not impossible.
    """
    return np.log(np.maximum(probabilities, _LEAST))


def softened(probabilities: npt.NDArray[np.float64], temperature: float) -> npt.NDArray[np.float64]:
    """Probabilities (n, classes) at a temperature that was found from their `log_probabilities`."""
    shares = np.exp(log_probabilities(probabilities) / temperature)
    found: npt.NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return found


def calibrate(scores: npt.NDArray[np.floating], positions: npt.NDArray[np.int64]) -> Calibration:
    """Find the temperature of scores (n, classes), all finite, for samples of the class `positions` (n,).

    Without samples it is 1. Raises ValueError for scores that aren't finite: a probability of 0 needs a floor before its
    logarithm is taken.
    """
    if not np.isfinite(scores).all():
        raise ValueError("scores to calibrate by are finite")
    if len(scores) == 0:
        return Calibration(1.0, 0, None, None)
    temperature = temperature_of(scores, positions)
    before, after = (_reliability(scores, positions, t).error for t in (1.0, temperature))
    return Calibration(temperature, len(scores), before, after)


def temperature_of(scores: npt.NDArray[np.floating], positions: npt.NDArray[np.int64]) -> float:
    """The T within COLDEST-HOTTEST of the least mean negative log-likelihood of softmax(scores / T), to nine digits.

    1 where there is none, as without samples, where every sample is right, or where the scores of a sample are all alike;
    HOTTEST where a higher one would be better.
    The likelihood is concave in 1 / T, so Newton's method finds it, with bisection where a step leaves the known bounds.
    """
    if len(scores) == 0:
        return 1.0
    shifted = scores.astype(np.float64)
    shifted -= shifted.max(1, keepdims=True)
    own = shifted[np.arange(len(shifted)), positions]
    low, high = 1 / HOTTEST, 1 / COLDEST
    hottest, coldest = _slope(shifted, own, low)[0], _slope(shifted, own, high)[0]
    if hottest > 0 and shifted.any():
        return HOTTEST
    if hottest >= 0 or coldest <= 0:
        return 1.0
    inverse = 1.0
    while True:
        slope, curvature = _slope(shifted, own, inverse)
        low, high = (low, inverse) if slope > 0 else (inverse, high)
        step = inverse - slope / curvature if curvature > 0 else 0.0
        following = step if low < step < high else (low * high) ** 0.5
        if abs(following - inverse) <= 1e-10 * inverse:
            return 1 / following
        inverse = following


def _slope(shifted: npt.NDArray[np.float64], own: npt.NDArray[np.float64], inverse: float) -> tuple[float, float]:
    """First and second derivative of the mean negative log-likelihood by 1 / T."""
    probability = np.exp(inverse * shifted)
    probability /= probability.sum(1, keepdims=True)
    mean = np.einsum("nc,nc->n", probability, shifted)
    square = np.einsum("nc,nc,nc->n", probability, shifted, shifted)
    return float((mean - own).mean()), float((square - mean**2).mean())


def _reliability(scores: npt.NDArray[np.floating], positions: npt.NDArray[np.int64], temperature: float) -> Reliability:
    scaled = scores.astype(np.float64) / temperature
    confidence = 1 / np.exp(scaled - scaled.max(1, keepdims=True)).sum(1)
    return Reliability.between(confidence, scores.argmax(1) == positions)
