"""Values between nodes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.kernels.lattice import between_nodes


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_between_nodes_polynomials_of_third_order_are_exact(row: float, col: float, seed: int) -> None:
    factors = np.random.default_rng(seed).normal(size=(4, 4))
    nodes = np.polynomial.polynomial.polygrid2d(np.arange(6.0), np.arange(7.0), factors)
    rows, cols = np.array([1 + row, 2 + row]), np.array([1 + col, 3 + col])
    found = np.empty((2, 2))
    between_nodes(nodes, rows, cols, found)
    np.testing.assert_allclose(found, np.polynomial.polynomial.polygrid2d(rows, cols, factors), rtol=1e-9, atol=1e-9)
