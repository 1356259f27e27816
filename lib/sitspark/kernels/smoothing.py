"""Bayesian smoothing of class probabilities: each pixel's evidence against what a Gaussian neighbourhood says (Camara 2024)."""

import numba
import numpy as np
import numpy.typing as npt


def gaussian(radius: int) -> npt.NDArray[np.float64]:
    """Weights of the distances -radius to radius, which are two standard deviations; their sum is 1."""
    weights = np.exp(-2 * (np.arange(-radius, radius + 1) / max(radius, 1)) ** 2)
    scaled: npt.NDArray[np.float64] = weights / weights.sum()
    return scaled


def logits(scale: int) -> npt.NDArray[np.float64]:
    """ln(p / (1 - p)) of the written probabilities 0 to `scale`; the ends stand for a quarter of a step from 0 and 1."""
    p = np.clip(np.arange(scale + 1), 0.25, scale - 0.25) / scale
    odds: npt.NDArray[np.float64] = np.log(p / (1 - p))
    return odds


@numba.njit(nogil=True, cache=True)
def smooth(
    probability: npt.NDArray[np.unsignedinteger],
    logit: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    smoothness: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.float32]]:
    """The most probable class of each pixel after smoothing, and its probability.

    `probability` (classes, rows, columns) holds positions in `logit`; a larger value in the first class: not classified. With
    m and v the mean and variance of a class's logits in the neighbourhood, a pixel's logit x becomes
    (v x + s m) / (v + s), s > 0 being the `smoothness` of the class: where neighbours agree (v small) they weigh more.
    `weights` (2 * radius + 1) are those of a row and of a column; pixels that are not classified take no part.

    Gives positions of classes from 1, the first of equals (0: not classified), and their shares of the sum over all classes.
    """
    count, rows, cols = probability.shape
    radius = weights.size // 2
    known = np.zeros((rows, cols), np.bool_)
    for r in range(rows):
        for c in range(cols):
            known[r, c] = probability[0, r, c] < logit.size
    across = np.zeros((3, rows, cols))  # sums along each row of the weights, and of the logits and their squares with them
    sums = np.zeros((3, cols))
    best, most, total = np.zeros((rows, cols), np.uint16), np.zeros((rows, cols)), np.zeros((rows, cols))
    for k in range(count):
        _sum_rows(probability[k], known, logit, weights, across)
        for r in range(rows):
            sums[:] = 0
            for y in range(max(r - radius, 0), min(r + radius + 1, rows)):
                weight = weights[y - r + radius]
                for i in range(3):
                    for c in range(cols):
                        sums[i, c] += weight * across[i, y, c]
            for c in range(cols):
                if not known[r, c]:
                    continue
                mean = sums[1, c] / sums[0, c]
                variance = max(sums[2, c] / sums[0, c] - mean * mean, 0.0)
                posterior = (variance * logit[probability[k, r, c]] + smoothness[k] * mean) / (variance + smoothness[k])
                p = 1 / (1 + np.exp(-posterior))
                total[r, c] += p
                if p > most[r, c]:
                    most[r, c], best[r, c] = p, k + 1
    share = np.zeros((rows, cols), np.float32)
    for r in range(rows):
        for c in range(cols):
            if known[r, c]:
                share[r, c] = most[r, c] / total[r, c]
    return best, share


@numba.njit(nogil=True, cache=True)
def _sum_rows(
    plane: npt.NDArray[np.unsignedinteger],
    known: npt.NDArray[np.bool_],
    logit: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    across: npt.NDArray[np.float64],
) -> None:
    rows, cols = plane.shape
    radius = weights.size // 2
    for r in range(rows):
        for c in range(cols):
            of_weights, of_logits, of_squares = 0.0, 0.0, 0.0
            for x in range(max(c - radius, 0), min(c + radius + 1, cols)):
                if known[r, x]:
                    weight, value = weights[x - c + radius], logit[plane[r, x]]
                    of_weights += weight
                    of_logits += weight * value
                    of_squares += weight * value * value
            across[0, r, c], across[1, r, c], across[2, r, c] = of_weights, of_logits, of_squares
