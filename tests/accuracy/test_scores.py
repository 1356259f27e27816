"""Scores of many matrices at a time are those of each alone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sitspark.accuracy.matrix import ConfusionMatrix
from sitspark.accuracy.scores import BY_CLASS, SUMMARY, scores_of

from .plausible import as_numbers


@given(arrays(np.int64, (3, 4, 4), elements=st.integers(0, 9) | st.just(0)))
def test_scores_of_a_stack_are_those_of_each_matrix(stack: np.ndarray) -> None:
    found = scores_of(stack.astype(float))
    for i, counts in enumerate(stack):
        matrix = ConfusionMatrix((1, 2, 3, 4), counts)
        for name in (*SUMMARY, *BY_CLASS):
            np.testing.assert_allclose(getattr(found, name)[i], as_numbers(getattr(matrix, name)), atol=1e-12)
