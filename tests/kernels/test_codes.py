"""Codes of any values are found and paired as one by one."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitspark.kernels.codes import distinct, pair_counts

CODES = st.integers(-3, 40) | st.sampled_from([0, 255, 65535, -(2**31), 2**31 - 1])


@given(st.lists(st.tuples(CODES, CODES)))
def test_pairs_are_counted_as_one_by_one(pairs: list[tuple[int, int]]) -> None:
    first, second = (np.array([pair[i] for pair in pairs], np.int32) for i in (0, 1))
    assert pair_counts(first, second) == Counter(pairs)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32"])
def test_codes_that_occur_are_found_whatever_their_type(dtype: str) -> None:
    codes = np.array([[7, 3], [3, 120]], dtype)
    values, position = distinct(codes)
    assert values.tolist() == [3, 7, 120]
    assert values[position].reshape(codes.shape).tolist() == codes.tolist()
