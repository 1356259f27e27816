"""The stable pseudo-random order: published numbers, and independence of what stands around an identifier."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.kernels.sampling import hash_order


@pytest.mark.parametrize(
    ("seed", "number"), [(0, 0xE220A8397B1DCDAF), (1, 0x6E789E6AA1B965F4), (2, 0x06C45D188009454F), (3, 0xF88BB8A8724C81EC)]
)
def test_equals_the_published_sequence_of_splitmix64(seed: int, number: int) -> None:
    """The generator with state 0: its n-th number is the hash of identifier 0 with seed n."""
    assert hash_order(seed, np.zeros(1, np.int64)).tolist() == [number]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=30), st.integers(0, 2**31), st.randoms())
@settings(deadline=None)
def test_a_hash_depends_on_seed_and_identifier_alone(identifiers: list[int], seed: int, rng: object) -> None:
    shuffled = sorted(identifiers, key=lambda _: rng.random())  # type: ignore[attr-defined]
    known = dict(zip(identifiers, hash_order(seed, np.array(identifiers, np.int64)).tolist(), strict=True))
    assert hash_order(seed, np.array(shuffled, np.int64)).tolist() == [known[identifier] for identifier in shuffled]


def test_neighbouring_identifiers_and_seeds_give_independent_numbers() -> None:
    """Of 64 bits about half differ; a seed changes the order completely; no number comes twice."""
    identifiers = np.arange(20_000, dtype=np.int64)
    a, b = hash_order(7, identifiers), hash_order(8, identifiers)
    assert len(np.unique(np.concatenate([a, b]))) == 40_000
    for other in (b, np.roll(a, 1)):
        assert abs(np.bitwise_count(a ^ other).mean() - 32) < 0.2  # the standard error is 0.03
        assert abs(np.corrcoef(np.argsort(np.argsort(a)), np.argsort(np.argsort(other)))[0, 1]) < 0.03


def test_numbers_fill_their_range_evenly() -> None:
    counts = np.bincount((hash_order(0, np.arange(16_000)) >> np.uint64(60)).astype(int), minlength=16)
    assert counts.min() > 850 and counts.max() < 1150  # 1000 expected, standard deviation 31
