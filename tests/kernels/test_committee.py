"""Models that say together what a pixel is: against a slow version of itself, and by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.kernels.committee import Opinion, Verdict, entropy_and_margin, verdict

THREE = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.5, 0.4]], np.float32)  # of one pixel, a row a model


def of_one_pixel(combine: str, weights: tuple[float, ...] = (1, 1, 1), rows: np.ndarray = THREE) -> Verdict:
    opinions = [
        Opinion(row[np.newaxis].argmax(axis=1), row[np.newaxis], np.array([weight], np.float32))
        for row, weight in zip(rows, weights, strict=True)
    ]
    return verdict(opinions, combine)  # type: ignore[arg-type]


def told(found: Verdict) -> tuple[int, int, int, bool]:
    """Of the one pixel: class, models that say it, models at all, whether the vote was tied."""
    return int(found.position[0]), int(found.agreeing[0]), int(found.models[0]), bool(found.tied[0])


TIED = np.array([[0.9, 0.05, 0.05], [0.3, 0.6, 0.1]], np.float32)
THIRD = np.array([[0.51, 0.0, 0.49], [0.0, 0.51, 0.49]], np.float32)  # the most probable class is nobody's


@pytest.mark.parametrize(
    ("combine", "weights", "rows", "expected"),
    [
        ("mean", (1, 1, 1), THREE, (1, 2, 3, False)),
        ("vote", (1, 1, 1), THREE, (1, 2, 3, False)),
        ("mean", (5, 1, 0), THREE, (0, 1, 2, False)),
        ("vote", (5, 1, 1), THREE, (0, 1, 3, False)),
        ("vote", (2, 1, 1), THREE, (1, 2, 3, True)),  # 2 against 1 + 1: 0.375 against 0.4 in the mean
        ("vote", (1, 1), TIED, (0, 1, 2, True)),
        ("mean", (1, 1), TIED, (0, 1, 2, False)),
        ("mean", (1, 1), THIRD, (2, 0, 2, False)),
        ("vote", (1, 1), THIRD, (0, 1, 2, True)),
        ("vote", (0, 3, 0), THREE, (1, 1, 1, False)),
        ("mean", (0, 0, 0), THREE, (0, 0, 0, False)),
    ],
)
def test_by_hand(combine: str, weights: tuple[float, ...], rows: np.ndarray, expected: tuple) -> None:
    assert told(of_one_pixel(combine, weights, rows)) == expected


def test_probabilities_are_the_weighted_mean() -> None:
    found = of_one_pixel("vote", (3, 1, 0))
    np.testing.assert_allclose(found.probability[0], [0.5, 0.35, 0.15], rtol=1e-6)
    assert not of_one_pixel("mean", (0, 0, 0)).probability.any()


def test_a_model_alone_is_heard_bit_for_bit() -> None:
    """Even where its scores tell apart what its probabilities don't: it says the second of two equal ones."""
    probability = np.array([[0.4999, 0.4999, 0.0002], [0.1, 0.7, 0.2]], np.float32)
    alone = Opinion(np.array([1, 1]), probability, np.array([0.3, 0.7], np.float32))
    silent = Opinion(np.array([2, 2]), probability[:, ::-1].copy(), np.zeros(2, np.float32))
    for combine in ("mean", "vote"):
        found = verdict([silent, alone], combine)  # type: ignore[arg-type]
        assert found.position.tolist() == [1, 1] and (found.probability == probability).all()


@st.composite
def opinions(draw: st.DrawFn) -> list[Opinion]:
    count, classes, models = draw(st.integers(1, 6)), draw(st.integers(1, 5)), draw(st.integers(1, 4))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    found = []
    for _ in range(models):
        scores = random.random((count, classes)).astype(np.float32)
        probability = scores / scores.sum(axis=1, keepdims=True)
        # few weights, so that votes tie and models fall silent
        weight = random.choice(np.array([0, 1, 2], np.float32), count) if draw(st.booleans()) else None
        found.append(Opinion(probability.argmax(axis=1), probability, weight))
    return found


@settings(deadline=None)
@given(opinions(), st.sampled_from(["mean", "vote"]))
def test_against_pixel_by_pixel(given_: list[Opinion], combine: str) -> None:
    found = verdict(given_, combine)  # type: ignore[arg-type]
    for i in range(len(found.position)):
        heard = [(one.position[i], one.probability[i], 1.0 if one.weight is None else float(one.weight[i])) for one in given_]
        heard = [one for one in heard if one[2] > 0]
        whole = sum(weight for _, _, weight in heard)
        mean = sum((weight / whole * p.astype(float) for _, p, weight in heard), np.zeros(found.probability.shape[1]))
        np.testing.assert_allclose(found.probability[i], mean, atol=1e-6)
        assert found.models[i] == len(heard)
        assert found.agreeing[i] == sum(position == found.position[i] for position, _, _ in heard)
        if combine == "vote" and heard:
            votes = {position: sum(w for p, _, w in heard if p == position) for position, _, _ in heard}
            foremost = [position for position, votes_ in votes.items() if votes_ == max(votes.values())]
            assert found.position[i] in foremost and found.tied[i] == (len(foremost) > 1)
            assert mean[found.position[i]] >= max(mean[position] for position in foremost) - 1e-6
        elif heard:
            assert mean[found.position[i]] >= mean.max() - 1e-6 and not found.tied[i]


@pytest.mark.parametrize(
    ("probability", "entropy", "margin"),
    [
        ([1.0, 0.0, 0.0, 0.0], 0.0, 1.0),
        ([0.25, 0.25, 0.25, 0.25], 1.0, 0.0),
        ([0.5, 0.5, 0.0, 0.0], 0.5, 0.0),
        ([0.7, 0.1, 0.1, 0.1], -(0.7 * math.log(0.7) + 0.3 * math.log(0.1)) / math.log(4), 0.6),
        ([1.0], 0.0, 1.0),
    ],
)
def test_entropy_and_margin_by_hand(probability: list[float], entropy: float, margin: float) -> None:
    found = entropy_and_margin(np.array([probability], np.float32))
    assert [float(one[0]) for one in found] == pytest.approx([entropy, margin], abs=1e-6)
