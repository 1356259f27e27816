from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitspark.models.weights import weights_of

weighted = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=30)


@given(rows=weighted, balance=st.sampled_from([(), ("class",), ("polygon",), ("class", "polygon")]))
def test_what_is_balanced_weighs_the_same(rows: list[tuple[int, int]], balance: tuple[str, ...]) -> None:
    classes, polygons = np.array(rows).T
    weights = weights_of(classes, polygons, balance)
    assert weights.dtype == np.float32 and weights.mean() == pytest.approx(1, rel=1e-5)
    totals = {code: weights[classes == code].sum() for code in set(classes.tolist())}
    shares = dict.fromkeys(totals, len(rows) / len(totals)) if "class" in balance else Counter(classes.tolist())
    assert totals == pytest.approx(shares, rel=1e-5)
    for code in totals:
        own = classes == code
        heaviest = {polygon: weights[own & (polygons == polygon)].sum() for polygon in set(polygons[own].tolist())}
        fair = totals[code] / len(heaviest)
        if "polygon" in balance:
            assert heaviest == pytest.approx(dict.fromkeys(heaviest, fair), rel=1e-5)
        assert len(set(weights[own].tolist())) == 1 or "polygon" in balance


own = st.just(0.0) | st.floats(1e-3, 1e3)


@given(rows=weighted, data=st.data(), balance=st.sampled_from([(), ("class",), ("class", "polygon")]))
def test_weights_of_ones_own_are_multiplied_and_only_their_proportions_count(
    rows: list[tuple[int, int]], data: st.DataObject, balance: tuple[str, ...]
) -> None:
    classes, polygons = np.array(rows).T
    mine = np.array([1.0, *data.draw(st.lists(own, min_size=len(rows) - 1, max_size=len(rows) - 1))])
    found = weights_of(classes, polygons, balance, mine)
    assert found.mean() == pytest.approx(1, rel=1e-4)
    product = weights_of(classes, polygons, balance) * mine
    np.testing.assert_allclose(found, product / product.mean(), rtol=1e-4)
    np.testing.assert_allclose(weights_of(classes, polygons, balance, 7 * mine), found, rtol=1e-5)
