from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sitspark.models.batches import Batch, Batches, least_share, pieces, share
from sitspark.models.process_group import ProcessGroup
from sitspark.models.store import Samples

WIDTH = 3
ALL = 1e9
SOME = 2 * 2 * 1024 * 4 * WIDTH  # bytes: two parts of two blocks


@pytest.fixture(scope="module", params=[1, 900, 5000])
def samples(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """Samples whose features say which ones they are."""
    count = request.param
    path = tmp_path_factory.mktemp("store") / "fitted.features"
    numbers = np.arange(count * WIDTH, dtype=np.float32).reshape(count, WIDTH)
    numbers.tofile(path)
    return Samples(path, WIDTH, torch.arange(count) % 7, 1 + torch.arange(count) / 2)


def batches(samples: Samples, *, memory: float = ALL, rank: int = 0, ranks: int = 1, size: int = 128) -> Batches:
    return Batches(samples, size, 3, memory, ProcessGroup(rank, ranks, torch.device("cpu")))


def epoch(of: Batches, number: int) -> list[Batch]:
    with closing(of.epochs(number)) as epochs:
        return list(next(epochs))


def members(found: Sequence[Batch]) -> list[int]:
    """Which samples came, in their order; their positions and weights have to be theirs."""
    came = torch.cat([batch.features for batch in found])[:, 0].long() // WIDTH
    assert torch.equal(torch.cat([batch.positions for batch in found]), came % 7)
    assert torch.equal(torch.cat([batch.weights for batch in found]), 1 + came / 2)
    return came.tolist()


@pytest.mark.parametrize("memory", [ALL, SOME, 1])
def test_an_epoch_takes_every_sample_once_in_an_order_of_its_own(samples: Samples, memory: float) -> None:
    epochs = [members(epoch(batches(samples, memory=memory), number)) for number in (1, 1, 2)]
    assert epochs[0] == epochs[1]
    assert sorted(epochs[0]) == list(range(len(samples)))
    assert len(samples) == 1 or epochs[0] != epochs[2]


@pytest.mark.parametrize("memory", [ALL, SOME])
def test_epochs_follow_each_other_and_any_batch_can_be_had_again(samples: Samples, memory: float) -> None:
    of = batches(samples, memory=memory)
    with closing(of.epochs(3)) as epochs:
        found = [list(next(epochs)), list(next(epochs))]
    assert [members(one) for one in found] == [members(epoch(of, number)) for number in (3, 4)]
    last = len(found[1]) - 1
    assert torch.equal(of.batch(4, last).features, found[1][last].features)


@pytest.mark.parametrize("memory", [ALL, SOME])
@pytest.mark.parametrize("ranks", [2, 3])
def test_the_batches_of_all_processes_are_those_of_one(samples: Samples, memory: float, ranks: int) -> None:
    alone = epoch(batches(samples, memory=memory), 4)
    together = [epoch(batches(samples, memory=memory, rank=rank, ranks=ranks), 4) for rank in range(ranks)]
    for whole, shares in zip(alone, zip(*together, strict=True), strict=True):
        assert torch.equal(whole.features, torch.cat([batch.features for batch in shares]))
        assert {batch.whole for batch in shares} == {len(whole.positions)}


@pytest.mark.parametrize("memory", [ALL, SOME, 1])
def test_the_number_of_batches_is_known_before(samples: Samples, memory: float) -> None:
    found = batches(samples, memory=memory)
    assert found.in_an_epoch == len(epoch(found, 1))


@pytest.mark.parametrize("memory", [ALL, SOME])
@pytest.mark.parametrize("ranks", [1, 2])
def test_in_order_every_sample_comes_once_to_one_process(samples: Samples, memory: float, ranks: int) -> None:
    came = [list(batches(samples, memory=memory, rank=rank, ranks=ranks).in_order()) for rank in range(ranks)]
    assert members([batch for of_one in came for batch in of_one]) == list(range(len(samples)))


def test_parts_hold_no_more_than_the_memory_and_are_mixed(samples: Samples) -> None:
    parted = batches(samples, memory=SOME)
    held = max((part.stop - part.start) * 1024 * 4 * WIDTH for part in parted._parts)
    assert parted.fit_in_memory or 2 * held <= SOME
    first = members(epoch(parted, 1))[:2048]
    # neighbours of the table don't stay together
    assert len(samples) <= 1024 or np.mean(np.diff(first) == 1) < 0.01


@pytest.mark.parametrize("memory", [ALL, SOME // 2])
def test_samples_held_as_float16_come_as_float32_and_twice_as_many_fit(samples: Samples, tmp_path: Path, memory: float) -> None:
    # float16 has the numbers up to 2048
    few = np.arange(len(samples) * WIDTH, dtype=np.float32).reshape(-1, WIDTH) % 2048
    few.astype(np.float16).tofile(tmp_path / "half")
    few.tofile(tmp_path / "whole")
    half = replace(samples, path=tmp_path / "half", dtype=torch.float16)
    whole = replace(samples, path=tmp_path / "whole")
    for number in (1, 2):
        found, expected = epoch(batches(half, memory=memory), number), epoch(batches(whole, memory=2 * memory), number)
        for one, other in zip(found, expected, strict=True):
            assert one.features.dtype == torch.float32 and torch.equal(one.features, other.features)


@given(first=st.integers(0, 50), count=st.integers(0, 500), largest=st.integers(1, 60))
def test_pieces_cover_all_and_differ_by_one_at_most(first: int, count: int, largest: int) -> None:
    found = pieces(first, first + count, largest)
    assert [i for piece in found for i in range(piece.start, piece.stop)] == list(range(first, first + count))
    lengths = {piece.stop - piece.start for piece in found}
    assert max(lengths, default=0) <= largest and len(lengths) <= 2 and max(lengths, default=0) - min(lengths, default=0) <= 1


@pytest.mark.parametrize("count", [0, 1, 5, 1024])
@pytest.mark.parametrize("ranks", [1, 2, 3, 7])
def test_the_shares_of_a_batch_cover_it(count: int, ranks: int) -> None:
    taken = [i for rank in range(ranks) for i in range(count)[share(count, rank=rank, ranks=ranks)]]
    assert taken == list(range(count))


def test_a_file_cut_short_is_told(samples: Samples, tmp_path: Path) -> None:
    (tmp_path / "cut").write_bytes(samples.path.read_bytes()[:-4])
    cut = Samples(tmp_path / "cut", WIDTH, samples.positions, samples.weights)
    with pytest.raises(EOFError, match="ends before sample"):
        epoch(batches(cut), 1)


@given(size=st.integers(1, 40), more=st.integers(0, 500), ranks=st.integers(1, 5))
def test_no_share_is_smaller_than_the_least(size: int, more: int, ranks: int) -> None:
    lengths = [piece.stop - piece.start for piece in pieces(0, size + more, size)]
    shares = [share(length, rank=rank, ranks=ranks) for length in lengths for rank in range(ranks)]
    assert min(of.stop - of.start for of in shares) >= least_share(size, ranks=ranks)


@pytest.mark.parametrize("size", range(1, 12))
def test_one_sample_more_than_a_batch_gives_the_least_share(size: int) -> None:
    halves = pieces(0, size + 1, size)
    assert min(half.stop - half.start for half in halves) == least_share(size, ranks=1)
