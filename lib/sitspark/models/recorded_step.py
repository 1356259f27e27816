"""Steps of learning on a GPU in one launch each: those of a small network last less than their hundred launches would."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from sitspark.models.batches import Batch
from sitspark.models.step import Step

# as many as torch's notes on CUDA graphs take: what libraries and optimisers set up at their first steps can't be recorded
_AT_FIRST = 3


@dataclass(frozen=True, slots=True, eq=False)
class _Record:
    """A step as a CUDA graph: what it reads, and where it leaves the loss."""

    graph: torch.cuda.CUDAGraph
    batch: Batch
    loss: Tensor

    def replay(self, batch: Batch) -> Tensor:
        self.batch.features.copy_(batch.features)
        self.batch.positions.copy_(batch.positions)
        self.batch.weights.copy_(batch.weights)
        self.graph.replay()
        return self.loss


class RecordedStep:
    """A step of one process on its GPU, which gives the same bits as the step that it records.

    The network has to do the same for each batch of a length, and leave nothing to Python that matters after it.
    """

    def __init__(self, step: Step) -> None:
        self._step, self._taken = step, 0
        self._rate = torch.zeros((), device=step.group.device)
        self._records: dict[int, _Record] = {}
        # records are never replayed at the same time, and each reads only what it has written: they share their memory
        self._memory = torch.cuda.graph_pool_handle()

    def __call__(self, batch: Batch, rate: float) -> Tensor:
        """Learn at this rate; gives the sum of the weighted losses, float32 (), until the next step."""
        self._rate.fill_(rate)
        if self._taken < _AT_FIRST:
            self._taken += 1
            return self._step(batch, self._rate)
        record = self._records.get(batch.whole)
        if record is None:
            record = self._records[batch.whole] = self._record(batch)
        return record.replay(batch)

    def _record(self, like: Batch) -> _Record:
        """A record of the step for batches of this length; nothing is learnt by recording."""
        batch = Batch(like.features.clone(), like.positions.clone(), like.weights.clone(), like.whole)
        graph = torch.cuda.CUDAGraph()
        # another thread may be reading the next samples: what it asks of the GPU is no part of this
        with self._recordable(), torch.cuda.graph(graph, pool=self._memory, capture_error_mode="thread_local"):
            loss = self._step(batch, self._rate)
        return _Record(graph, batch, loss)

    @contextmanager
    def _recordable(self) -> Iterator[None]:
        """Meanwhile the optimiser may be recorded; torch warns of steps for which that is said and that aren't."""
        # what SGD does can always be recorded
        groups = [parameters for parameters in self._step.optimiser.param_groups if "capturable" in parameters]
        for parameters in groups:
            parameters["capturable"] = True
        try:
            yield
        finally:
            for parameters in groups:
                parameters["capturable"] = False
