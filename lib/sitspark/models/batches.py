"""In which order an epoch takes its samples, and how they come to the device.

Samples that fit into memory are all loaded once, and an epoch takes them in one permutation. Others are read part by part:
blocks of consecutive samples in a permuted order, as many as fit, permuted among themselves; while one part is used a thread
reads the next one. Either way the batches follow from seed, epoch and memory alone, whatever the number of processes.
"""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count, cycle, islice

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sitspark.ahead import ahead
from sitspark.models.process_group import ProcessGroup
from sitspark.models.store import Samples

_BLOCK = 1024  # consecutive samples that are read at once: about a megabyte, so that a disk reads at full speed
_READERS = 4  # threads that read blocks: one alone copies from the page cache slower than a GPU learns
_OF_GPU = 0.7  # share of a GPU's free memory that samples may take: the rest is the network's


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """A process's share of a batch on its device: features float32 (n, features), positions int64 (n,), weights (n,).

    `whole` is the number of samples in the shares of all processes.
    """

    features: Tensor
    positions: Tensor
    weights: Tensor
    whole: int


def share(count: int, *, rank: int, ranks: int) -> slice:
    """The contiguous share of one process in a batch of `count` samples; the shares of all cover it without overlap."""
    return slice(count * rank // ranks, count * (rank + 1) // ranks)


def least_share(size: int, *, ranks: int) -> int:
    """The fewest samples that a process is given of a batch of at most `size`, where there are as many samples as that.

    Batches of an epoch are of the same length but for one sample: just above one full batch there are two halves.
    """
    return (size + 1) // 2 // ranks


def pieces(first: int, last: int, largest: int) -> list[slice]:
    """Cut first .. last into as few slices as there have to be, whose lengths differ by at most 1: no last one is tiny."""
    length = last - first
    number = -(-length // largest)
    return [slice(first + length * i // number, first + length * (i + 1) // number) for i in range(number)]


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Samples on the device: features (n, features) as they are held, and which samples they are, int64 (n,)."""

    features: Tensor
    members: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class _Shuffled:
    """A part, and the order in which its samples are taken, int64 (n,)."""

    part: _Part
    order: npt.NDArray[np.int64]


def room(memory: float, group: ProcessGroup) -> float:
    """The bytes of features that each process may hold: `memory`, or a share of what is free on the fullest of their GPUs.

    It is the same in all of them, for batches follow from it where not all samples fit.
    """
    if group.device.type == "cpu":
        return memory
    free, _ = torch.cuda.mem_get_info(group.device)
    return group.least(_OF_GPU * free)


@dataclass(frozen=True)
class Batches:
    """The batches of `samples`, at most `size` each, for one process of a group, which may hold `memory` bytes of features."""

    samples: Samples
    size: int
    seed: int
    memory: float
    group: ProcessGroup

    @property
    def fit_in_memory(self) -> bool:
        """Whether all features are held."""
        return len(self.samples) * self.samples.bytes_each <= self.memory

    @property
    def parts(self) -> int:
        """In how many parts an epoch reads the samples; 1: all are held."""
        return 1 if self.fit_in_memory else len(self._parts)

    @property
    def in_an_epoch(self) -> int:
        """How many batches an epoch has."""
        ends = np.minimum([part.stop * _BLOCK for part in self._parts], len(self.samples))
        return int(sum(-(-rows // self.size) for rows in np.diff(ends, prepend=0)))

    def epochs(self, first: int) -> Generator[Iterator[Batch], None, None]:
        """The batches of the epoch `first`, of the one after it, and so on without end; each takes samples in its own order."""
        with closing(ahead(self._shuffled_parts(first))) as shuffled:
            while True:
                yield chain.from_iterable(self._batches(part) for part in islice(shuffled, len(self._parts)))

    def batch(self, number: int, place: int) -> Batch:
        """One batch of an epoch again."""
        with closing(self.epochs(number)) as epochs:
            return next(islice(next(epochs), place, None))

    def in_order(self) -> Iterator[Batch]:
        """This process's share of the samples in their order, batch by batch."""
        mine = share(len(self.samples), rank=self.group.rank, ranks=self.group.ranks)
        for rows in pieces(mine.start, mine.stop, self.size):
            features = (
                self._all.features[rows] if self.fit_in_memory else self._read([rows], self._empty(rows.stop - rows.start))
            )
            yield Batch(features.float(), self._positions[rows], self._weights[rows], rows.stop - rows.start)

    def _shuffled_parts(self, first: int) -> Iterator[_Shuffled]:
        """The parts of epochs from `first` on."""
        return self._all_shuffled(first) if self.fit_in_memory else self._part_after_part(first)

    def _all_shuffled(self, first: int) -> Iterator[_Shuffled]:
        for number in count(first):
            yield _Shuffled(self._all, np.random.default_rng((self.seed, number)).permutation(len(self.samples)))

    def _part_after_part(self, first: int) -> Iterator[_Shuffled]:
        """Each is written over when the next but one is read."""
        memory = cycle([self._empty(self._longest_part) for _ in range(2)])
        for number in count(first):
            random = np.random.default_rng((self.seed, number))
            # the last block may be shorter: it stays last, so that all parts are as long as they are in every epoch
            blocks = np.append(random.permutation(self._blocks - 1), self._blocks - 1)
            for part in self._parts:
                loaded = self._part(blocks[part] * _BLOCK, next(memory))
                yield _Shuffled(loaded, random.permutation(len(loaded.members)))

    @property
    def _blocks(self) -> int:
        return -(-len(self.samples) // _BLOCK)

    @property
    def _parts(self) -> list[slice]:
        """The parts of an epoch, as slices of its order of blocks; two of them are held at a time."""
        most = self._blocks if self.fit_in_memory else int(self.memory / 2 / (_BLOCK * self.samples.bytes_each))
        return pieces(0, self._blocks, max(most, 1))

    @property
    def _longest_part(self) -> int:
        return int(max(part.stop - part.start for part in self._parts)) * _BLOCK

    @cached_property
    def _all(self) -> _Part:
        return self._part(np.arange(self._blocks) * _BLOCK, self._empty(len(self.samples)))

    @cached_property
    def _positions(self) -> Tensor:
        return self.samples.positions.to(self.group.device)

    @cached_property
    def _weights(self) -> Tensor:
        return self.samples.weights.to(self.group.device)

    def _empty(self, length: int) -> Tensor:
        """Memory of the device for the features of so many samples, as they are held."""
        return torch.empty(length, self.samples.width, dtype=self.samples.dtype, device=self.group.device)

    def _part(self, starts: npt.NDArray[np.int64], memory: Tensor) -> _Part:
        """The blocks that start at these samples, the features in the first rows of `memory`."""
        runs = [slice(start, min(start + _BLOCK, len(self.samples))) for start in starts.tolist()]
        members = np.concatenate([np.arange(run.start, run.stop) for run in runs])
        return _Part(self._read(runs, memory), torch.from_numpy(members).to(self.group.device))

    def _read(self, runs: list[slice], memory: Tensor) -> Tensor:
        """The features of runs of samples, one after the other, as they are held: the first rows of `memory`."""
        ends = np.cumsum([run.stop - run.start for run in runs]).tolist()
        features = memory[: ends[-1]]
        places = [slice(end - (run.stop - run.start), end) for run, end in zip(runs, ends, strict=True)]
        with ThreadPoolExecutor(_READERS) as pool:
            if self.group.device.type == "cpu":
                list(pool.map(self.samples.read, runs, [features[place] for place in places]))
            else:
                self._copy(runs, places, features, pool)
        return features

    def _copy(self, runs: list[slice], places: list[slice], features: Tensor, pool: ThreadPoolExecutor) -> None:
        """Read into the memory of a GPU, on a stream of its own: the GPU goes on with what it computes meanwhile."""
        longest = max(run.stop - run.start for run in runs)
        staged = torch.empty(2, _READERS, longest, self.samples.width, dtype=self.samples.dtype, pin_memory=True)
        copied = [torch.cuda.Event() for _ in staged]
        stream = torch.cuda.Stream(self.group.device)
        # steps that are still to be computed may read what lay there before
        stream.wait_stream(torch.cuda.current_stream(self.group.device))
        with torch.cuda.stream(stream):
            for turn, first in enumerate(range(0, len(runs), _READERS)):
                together, event = slice(first, first + _READERS), copied[turn % 2]
                event.synchronize()  # what was staged there last is copied
                rows = [staged[turn % 2, i, : run.stop - run.start] for i, run in enumerate(runs[together])]
                list(pool.map(self.samples.read, runs[together], rows))
                for place, read in zip(places[together], rows, strict=True):
                    features[place].copy_(read, non_blocking=True)
                event.record(stream)
        stream.synchronize()

    def _batches(self, shuffled: _Shuffled) -> Iterator[Batch]:
        part, placed = shuffled.part, torch.from_numpy(shuffled.order).to(self.group.device)
        for piece in pieces(0, len(placed), self.size):
            whole = piece.stop - piece.start
            mine = placed[piece][share(whole, rank=self.group.rank, ranks=self.group.ranks)]
            members = part.members[mine]
            features = part.features.index_select(0, mine).float()
            yield Batch(features, self._positions[members], self._weights[members], whole)
