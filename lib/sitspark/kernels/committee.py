"""What several models say together of a pixel: their mean probabilities or their votes, and how far they agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numba
import numpy as np
import numpy.typing as npt

Combine = Literal["mean", "vote"]


@dataclass(frozen=True, slots=True, eq=False)
class Opinion:
    """What one model says of n pixels: the position of its class, int64 (n,), the probability of every class, float32
    (n, classes), and what it weighs at each pixel, float32 (n,), 0: nothing; None: 1 everywhere.
    """

    position: npt.NDArray[np.int64]
    probability: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What models say together of n pixels: position of the class, int64 (n,), and the probabilities, float32 (n, classes).

    `models` uint8 (n,) is how many say something, `agreeing` how many of these say the class, `tied` bool (n,) where a vote
    alone left the class open. Of a pixel without a model all is 0.
    """

    position: npt.NDArray[np.int64]
    probability: npt.NDArray[np.float32]
    models: npt.NDArray[np.uint8]
    agreeing: npt.NDArray[np.uint8]
    tied: npt.NDArray[np.bool_]


def verdict(opinions: Sequence[Opinion], combine: Combine) -> Verdict:
    """Combine the opinions of models with the same classes, of which there is one at least.

    Probabilities are the weighted mean. With 'mean' the class is the one of the highest, of equal ones the first; with 'vote'
    the one whose models weigh most together, of equally heavy ones the more probable. Where one model alone weighs anything
    the verdict is its opinion, bit for bit.
    """
    count, classes = opinions[0].probability.shape
    weights = [np.ones(count, np.float32) if one.weight is None else one.weight for one in opinions]
    whole = np.sum(weights, axis=0, dtype=np.float32)
    shares = [np.divide(weight, whole, out=np.zeros(count, np.float32), where=whole > 0) for weight in weights]
    probability = np.zeros((count, classes), np.float32)
    for one, share in zip(opinions, shares, strict=True):
        probability += share[:, np.newaxis] * one.probability
    said = np.stack([one.position for one in opinions])
    counts = np.stack(weights) > 0
    models = counts.sum(axis=0)
    position, tied = probability.argmax(axis=1), np.zeros(count, np.bool_)
    if combine == "vote":
        votes, rows = np.zeros((count, classes), np.float32), np.arange(count)
        for one, share in zip(opinions, shares, strict=True):
            votes[rows, one.position] += share
        foremost = votes == votes.max(axis=1, keepdims=True)
        tied = (foremost.sum(axis=1) > 1) & (models > 0)
        position = np.where(foremost, probability, -1).argmax(axis=1)
    # two classes that a model tells apart by its scores may have equal probabilities
    position = np.where(models == 1, said[counts.argmax(axis=0), np.arange(count)], position)
    agreeing = ((said == position) & counts).sum(axis=0)
    position[models == 0] = 0
    return Verdict(position, probability, models.astype(np.uint8), agreeing.astype(np.uint8), tied)


@numba.njit(nogil=True, cache=True)
def entropy_and_margin(probability: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """How unsure n pixels are, of probabilities float32 (n, classes) that add up to 1; both float32 (n,), from 0 to 1.

    The entropy of the probabilities (Shannon 1948) over that of classes that are equally probable, 1: nothing is known; and
    the margin between the highest probability and the next one (Scheffer et al. 2001), 0: either may be.
    """
    count, classes = probability.shape
    entropy, margin = np.zeros(count, np.float32), np.ones(count, np.float32)
    if classes < 2:
        return entropy, margin
    most = np.log(classes)
    for i in range(count):
        summed, first, second = 0.0, 0.0, 0.0
        for j in range(classes):
            p = float(probability[i, j])
            if p > 0.0:
                summed -= p * np.log(p)
            if p > first:
                first, second = p, first
            elif p > second:
                second = p
        entropy[i] = min(max(summed / most, 0.0), 1.0)
        margin[i] = min(max(first - second, 0.0), 1.0)
    return entropy, margin
