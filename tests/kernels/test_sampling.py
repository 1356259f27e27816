"""OTB's samplers: the closed form against the loop that they are, and cases worked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitspark.kernels.sampling import hashes, periodic


def otb_periodic(wanted: int, available: int) -> list[int]:
    """PeriodicSampler::TakeSample without jitter, one position after the other, in whole numbers."""
    taken: list[int] = []
    for processed in range(1, available + 1):
        # ceil(processed * wanted / available - chosen) > 0
        if -(-processed * wanted // available) > len(taken):
            taken.append(processed - 1)
    return taken


def taken(wanted: int, available: int, **options: int) -> list[int]:
    return np.flatnonzero(periodic(np.arange(available), wanted, available, **options)).tolist()


@pytest.mark.parametrize(
    ("wanted", "available", "expected"),
    [
        (3, 9, [0, 3, 6]),
        (3, 10, [0, 3, 6]),
        (4, 10, [0, 2, 5, 7]),
        (1, 5, [0]),
        (5, 5, [0, 1, 2, 3, 4]),
        (9, 5, [0, 1, 2, 3, 4]),
        (0, 5, []),
        (0, 0, []),
    ],
)
def test_cases_worked_by_hand(wanted: int, available: int, expected: list[int]) -> None:
    assert taken(wanted, available) == expected


@given(st.integers(1, 300), st.integers(1, 300))
def test_is_the_periodic_sampler_of_otb(wanted: int, available: int) -> None:
    assert taken(wanted, available) == otb_periodic(min(wanted, available), available)


@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 50), st.integers(0, 2**40))
def test_with_jitter_the_number_is_exact_and_each_lies_in_its_own_period(
    wanted: int, available: int, jitter: int, seed: int
) -> None:
    found = taken(wanted, available, jitter=jitter, seed=seed)
    assert len(found) == min(wanted, available)
    if wanted < available:
        for k, place in enumerate(found):
            begin = k * available / wanted
            assert math.floor(begin) <= place <= begin + min(jitter, available / wanted - 1) + 1e-9


def test_jitter_moves_positions_and_follows_the_seed() -> None:
    plain, one, again, other = (
        taken(20, 1000),
        taken(20, 1000, jitter=30, seed=1),
        taken(20, 1000, jitter=30, seed=1),
        taken(20, 1000, jitter=30, seed=2),
    )
    assert one == again and len({tuple(plain), tuple(one), tuple(other)}) == 3


@given(st.integers(1, 200), st.integers(1, 200), st.integers(0, 9), st.lists(st.integers(0, 199), max_size=20))
def test_each_rank_is_decided_by_itself(wanted: int, available: int, jitter: int, some: list[int]) -> None:
    ranks = np.array([rank for rank in some if rank < available], np.int64)
    whole = set(taken(wanted, available, jitter=jitter))
    assert periodic(ranks, wanted, available, jitter=jitter).tolist() == [int(rank) in whole for rank in ranks]


def test_large_numbers_stay_exact() -> None:
    """A country of 10^11 labelled pixels."""
    available, wanted = 10**11, 10**6 + 7
    ranks = np.arange(10**11 - 10**6, 10**11)
    count = periodic(ranks, wanted, available).sum()
    assert count == sum(1 for k in range(wanted - 20, wanted) if k * available // wanted >= ranks[0])


@given(st.lists(st.integers(0, 2**40), min_size=2, max_size=50, unique=True), st.integers(0, 2**31))
def test_hashes_differ_and_follow_the_seed(values: list[int], seed: int) -> None:
    found = hashes(np.array(values), seed)
    assert len(set(found.tolist())) == len(values) and (found >= 0).all()
    assert not np.array_equal(found, hashes(np.array(values), seed + 1))


def test_hashes_are_spread_evenly() -> None:
    shares = np.bincount(hashes(np.arange(100_000), 3) >> 59, minlength=16) / 100_000
    assert np.abs(shares - 1 / 16).max() < 0.004
