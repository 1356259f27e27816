"""Features of a chunk in the portions that classifiers take, as they are used or ahead for a GPU."""

from collections.abc import Iterator
from itertools import cycle

import numpy as np
import numpy.typing as npt
import torch

from sitspark.ahead import ahead
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.maps.clock import Clock
from sitspark.maps.views import ReadChunk
from sitspark.models.inference import BLOCK

Portion = tuple[slice, list[npt.NDArray[np.float32]]]


def portions(read: ReadChunk, space: FeatureSpace) -> Iterator[Portion]:
    """Which pixels, and their features of each view as the first of a portion, float32 (`BLOCK`, features).

    What was given out is written over by the next one.
    """
    for of_views in zip(*(view.blocks(space) for view in read.views), strict=True):
        yield of_views[0][0], [features for _, features in of_views]


def portions_ahead(read: ReadChunk, space: FeatureSpace) -> Iterator[Portion]:
    """The same for a GPU: made by a thread ahead of their use, in memory that a GPU copies from by itself where there is one.

    What was given out before the last one is written over. What the thread takes is added to what was spent on the chunk.
    """
    yield from ahead(_pinned_portions(read, space))


def _pinned_portions(read: ReadChunk, space: FeatureSpace) -> Iterator[Portion]:
    clock = Clock()
    # one portion is used while the other one is made
    memory = [cycle([_pinned(BLOCK, len(space)) for _ in range(2)]) for _ in read.views]
    blocks = (view.blocks(space, own) for view, own in zip(read.views, memory, strict=True))
    for of_views in zip(*blocks, strict=True):
        yield of_views[0][0], [features for _, features in of_views]
    clock.lap("features")
    read.spent.cpu_seconds += clock.cpu_seconds


def _pinned(rows: int, columns: int) -> npt.NDArray[np.float32]:
    values: npt.NDArray[np.float32] = torch.zeros(rows, columns, pin_memory=torch.cuda.is_available()).numpy()
    return values
