"""Features of a chunk in the portions that classifiers take: block by block in the cache, or many blocks at once for a GPU."""

from collections.abc import Iterator
from itertools import cycle, islice

import numpy as np
import numpy.typing as npt
import torch

from sitspark.ahead import ahead
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.maps.clock import Clock
from sitspark.maps.views import ReadChunk
from sitspark.models.inference import BLOCK

Portion = tuple[slice, list[npt.NDArray[np.float32]]]


def portions(read: ReadChunk, space: FeatureSpace, *, batch: int) -> Iterator[Portion]:
    """Which pixels, and their features of each view as the first of a portion, float32 (`batch`, features).

    `batch` is a multiple of `BLOCK`. Portions of several blocks are made by a thread ahead of their use, in memory that a GPU
    copies from by itself where there is one; what was given out before the last one is written over. What the thread takes is
    added to what was spent on the chunk.
    """
    if batch == BLOCK:
        for of_views in zip(*(view.blocks(space) for view in read.views), strict=True):
            yield of_views[0][0], [features for _, features in of_views]
        return
    yield from ahead(_gathered(read, space, batch))


def _gathered(read: ReadChunk, space: FeatureSpace, batch: int) -> Iterator[Portion]:
    views, clock = read.views, Clock()
    # one portion is used while the other one is made
    turns = [[_pinned(batch, len(space)) for _ in views] for _ in range(2)]
    memory = [_slabs([turn[number] for turn in turns]) for number in range(len(views))]
    blocks = zip(*(view.blocks(space, own) for view, own in zip(views, memory, strict=True)), strict=True)
    for turn in cycle(turns):
        places = [of_views[0][0] for of_views in islice(blocks, batch // BLOCK)]
        if not places:
            clock.lap("features")
            read.spent.cpu_seconds += clock.cpu_seconds
            return
        yield slice(places[0].start, places[-1].stop), turn


def _slabs(arrays: list[npt.NDArray[np.float32]]) -> Iterator[npt.NDArray[np.float32]]:
    """The blocks of arrays float32 (rows, features), one after the other, again and again."""
    return cycle([slab for values in arrays for slab in values.reshape(-1, BLOCK, values.shape[1])])


def _pinned(rows: int, columns: int) -> npt.NDArray[np.float32]:
    values: npt.NDArray[np.float32] = torch.zeros(rows, columns, pin_memory=torch.cuda.is_available()).numpy()
    return values
