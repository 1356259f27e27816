import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics

from sitspark.accuracy.matrix import Confusion, ConfusionMatrix
from sitspark.errors import SitsparkError

from .plausible import as_numbers

CODES = (11, 12, 31, 211)
label_pairs = st.lists(st.tuples(st.sampled_from(CODES), st.sampled_from(CODES)), min_size=1, max_size=60)


@pytest.fixture
def worked() -> ConfusionMatrix:
    """Three reference classes; the third is never produced, so all follows by hand."""
    return ConfusionMatrix((1, 2, 3), np.array([[5, 1, 0], [2, 7, 0], [1, 0, 0]]))


def test_worked_example(worked: ConfusionMatrix) -> None:
    assert worked.total == 16
    assert worked.reference_pixels == (6, 9, 1)
    assert worked.produced_pixels == (8, 8, 0)
    assert worked.overall_accuracy == 12 / 16
    # chance = (6*8 + 9*8 + 1*0) / 256 = 120/256; kappa = (192 - 120) / (256 - 120)
    assert worked.kappa == pytest.approx(72 / 136)
    assert worked.precision == (5 / 8, 7 / 8, None)
    assert worked.recall == (5 / 6, 7 / 9, 0.0)
    assert worked.f_score == (10 / 14, 14 / 17, 0.0)
    assert worked.mean_f_score == pytest.approx((10 / 14 + 14 / 17) / 3)
    assert worked.weighted_f_score == pytest.approx((6 * 10 / 14 + 9 * 14 / 17) / 16)
    assert worked.balanced_accuracy == pytest.approx((5 / 6 + 7 / 9) / 3)
    assert worked.by_reference == ((5 / 6, 1 / 6, 0), (2 / 9, 7 / 9, 0), (1, 0, 0))
    assert worked.by_produced == ((5 / 8, 1 / 8, None), (2 / 8, 7 / 8, None), (1 / 8, 0, None))


@given(label_pairs)
def test_scores_agree_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    reference, produced = np.array(pairs).T
    matrix = ConfusionMatrix.between(reference, produced, CODES)
    assert np.array_equal(matrix.counts, metrics.confusion_matrix(reference, produced, labels=CODES))
    assert matrix.overall_accuracy == pytest.approx(metrics.accuracy_score(reference, produced))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        precision, recall, f_score, support = metrics.precision_recall_fscore_support(
            reference, produced, labels=CODES, zero_division=np.nan
        )
        kappa = metrics.cohen_kappa_score(reference, produced)
    assert matrix.reference_pixels == tuple(support)
    assert matrix.precision == _approximately(precision)
    assert matrix.recall == _approximately(recall)
    present = support > 0
    assert [f for f, p in zip(matrix.f_score, present, strict=True) if p] == pytest.approx(f_score[present])
    assert all(f is None for f, p in zip(matrix.f_score, present, strict=True) if not p)
    assert matrix.mean_f_score == pytest.approx(f_score[present].mean())
    assert matrix.weighted_f_score == pytest.approx(
        metrics.f1_score(reference, produced, labels=CODES, average="weighted", zero_division=0)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert matrix.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(reference, produced))
        for shares, normalize in ((matrix.by_reference, "true"), (matrix.by_produced, "pred")):
            theirs = metrics.confusion_matrix(reference, produced, labels=CODES, normalize=normalize)
            # scikit-learn gives 0 where nothing can be shared out
            np.testing.assert_allclose(np.nan_to_num(as_numbers(shares)), theirs)
    if matrix.kappa is None:
        assert len({*reference, *produced}) == 1
    else:
        assert matrix.kappa == pytest.approx(kappa)


def _approximately(scores: np.ndarray) -> tuple[object, ...]:
    return tuple(None if np.isnan(score) else pytest.approx(score) for score in scores)


@given(arrays(np.int64, (4, 4), elements=st.integers(0, 10**9)))
def test_f_is_the_harmonic_mean_where_both_are_defined(counts: np.ndarray) -> None:
    matrix = ConfusionMatrix(CODES, counts)
    for p, r, f in zip(matrix.precision, matrix.recall, matrix.f_score, strict=True):
        if p and r:
            assert f == pytest.approx(2 * p * r / (p + r))
        assert (f is None) == (r is None)


@given(arrays(np.int64, (4, 4), elements=st.integers(0, 10**6)), arrays(np.int64, (4, 4), elements=st.integers(0, 9)))
def test_sums_and_documents(first: np.ndarray, second: np.ndarray) -> None:
    a, b = ConfusionMatrix(CODES, first), ConfusionMatrix(CODES, second)
    assert (a + b).total == a.total + b.total
    assert a + b == b + a
    assert hash(a + b) == hash(b + a)
    assert a + ConfusionMatrix.empty(CODES) == a
    assert ConfusionMatrix.from_json(a.to_json()) == a


@given(st.lists(st.integers(1, 10**9), min_size=2, max_size=6))
def test_perfect_agreement(diagonal: list[int]) -> None:
    matrix = ConfusionMatrix(tuple(range(1, len(diagonal) + 1)), np.diag(diagonal))
    assert matrix.overall_accuracy == matrix.kappa == matrix.mean_f_score == 1


def test_kappa_of_a_whole_country_does_not_overflow() -> None:
    half = 6_000_000_000
    assert ConfusionMatrix((1, 2), np.array([[half, 0], [half, 0]])).kappa == 0


def test_nothing_compared_leaves_all_undefined() -> None:
    empty = ConfusionMatrix.empty((1, 2))
    assert (empty.overall_accuracy, empty.kappa, empty.mean_f_score) == (None, None, None)
    assert (empty.weighted_f_score, empty.balanced_accuracy) == (None, None)
    assert empty.by_reference == empty.by_produced == ((None, None), (None, None))
    assert empty.precision == empty.recall == empty.f_score == (None, None)
    single = ConfusionMatrix((1,), np.array([[9]]))
    assert (single.overall_accuracy, single.kappa) == (1, None)


def test_a_class_that_only_the_map_has_is_not_assessed() -> None:
    matrix = ConfusionMatrix((1, 2), np.array([[8, 2], [0, 0]]))
    assert matrix.precision[1] == 0
    assert matrix.recall[1] is None and matrix.f_score[1] is None
    assert matrix.mean_f_score == matrix.f_score[0]


def test_largest_confusions() -> None:
    matrix = ConfusionMatrix((1, 2, 3, 4), np.array([[5, 2, 3, 0], [0, 0, 0, 0], [1, 1, 8, 1], [0, 0, 0, 4]]))
    assert matrix.largest_confusions(1) == (Confusion(3, 3, 0.3), Confusion(2, 2, 0.2))
    assert [c.produced for c in matrix.largest_confusions(3, n=2)] == [1, 2]
    assert matrix.largest_confusions(2) == matrix.largest_confusions(4) == ()
    with pytest.raises(SitsparkError, match="class 9"):
        matrix.largest_confusions(9)


def test_otb_text(worked: ConfusionMatrix) -> None:
    assert worked.to_csv() == ("#Reference labels (rows):1,2,3\n#Produced labels (columns):1,2,3\n5,1,0\n2,7,0\n1,0,0\n")


def test_the_matrix_is_a_value(worked: ConfusionMatrix) -> None:
    with pytest.raises(ValueError, match="read-only"):
        worked.counts[0, 0] = 1


@pytest.mark.parametrize(
    ("codes", "counts"), [((1, 2), [[1]]), ((2, 1), [[1, 0], [0, 1]]), ((1, 1), [[1, 0], [0, 1]]), ((1,), [[-1]])]
)
def test_what_is_no_matrix_is_refused(codes: tuple[int, ...], counts: list[list[int]]) -> None:
    with pytest.raises(SitsparkError):
        ConfusionMatrix(codes, np.array(counts))


def test_matrices_of_different_classes_do_not_add(worked: ConfusionMatrix) -> None:
    with pytest.raises(SitsparkError, match="different classes"):
        worked + ConfusionMatrix.empty((1, 2))
