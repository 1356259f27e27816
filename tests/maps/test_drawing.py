"""Drawing block by block: products agree with each other, and what isn't seen is nodata in all of them."""

import numpy as np
import pytest
import torch

from sitspark.classes import LandCoverClass, Nomenclature
from sitspark.maps.drawing import Drawing, Rasters, Speaker
from sitspark.maps.products import classification, probability
from sitspark.models.inference import BLOCK, Classifier
from sitspark.models.networks.mlp import Mlp

CODES = (3, 7, 300)
NOMENCLATURE = Nomenclature(tuple(LandCoverClass(code, f"class {code}", (0, 0, 0)) for code in CODES))
SEEN = np.random.default_rng(5).random((50, 47)) < 0.8


def drawn(scale: int | None) -> Rasters:
    torch.manual_seed(4)
    classifier = Classifier.of(Mlp(13, len(CODES)), CODES, temperature=1.7)
    features = np.random.default_rng(0).normal(0, 30, (SEEN.size, 13)).astype(np.float32)
    wanted = [classification(CODES), *([probability(NOMENCLATURE, scale)] if scale else [])]
    drawing = Drawing.of([Speaker(classifier)], "mean", SEEN.size, wanted)
    for first in range(0, SEEN.size, BLOCK):
        stop = min(first + BLOCK, SEEN.size)
        block = np.zeros((BLOCK, 13), np.float32)
        block[: stop - first] = features[first:stop]
        drawing.take(first, stop, [block])
    return drawing.finished(SEEN)


@pytest.mark.parametrize("scale", [1000, 100])
def test_products_agree(scale: int) -> None:
    found = drawn(scale)
    every = found["probability"]
    assert every.shape == (3, *SEEN.shape)
    position = np.searchsorted(CODES, found["classification"][SEEN])
    chosen = every[:, SEEN][position, np.arange(SEEN.sum())].astype(int)
    assert len(set(position)) > 1 and (chosen == every[:, SEEN].max(axis=0)).all()
    assert (abs(chosen * 100 / scale - found["confidence"][SEEN]) <= 0.5).all()
    assert (abs(every[:, SEEN].sum(axis=0, dtype=int) - scale) <= 1).all()  # three roundings


def test_what_is_not_seen_is_nodata() -> None:
    found = drawn(1000)
    every = found["probability"]
    assert (every[:, ~SEEN] == 65535).all() and (every[:, SEEN] <= 1000).all()
    for name in ("classification", "confidence"):
        assert not found[name][~SEEN].any() and found[name][SEEN].all()


def test_classes_and_confidence_do_not_depend_on_what_else_is_drawn() -> None:
    alone, beside = drawn(None), drawn(1000)
    assert set(alone) == {"classification", "confidence"}
    assert all(np.array_equal(alone[name], beside[name]) for name in alone)
