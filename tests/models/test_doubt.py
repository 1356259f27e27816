"""What speaks against a model: a training that fails quietly."""

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sitspark.models.card import HISTORY, ModelCard, read_card
from sitspark.models.doubt import doubt
from sitspark.models.history import Epoch, read_history
from sitspark.models.loop import train

from .tables import job

BEST = Epoch(1, 0.2, 0.3, 0.9, 0.85, 0.9, 1e-3, 1.0, 100.0)
COMMONEST = "where giving all of them their commonest class makes 50.0%"


def of(card: ModelCard, losses: list[float], *, oa: float | None, monitored: tuple[int, ...], **training: Any) -> str | None:
    """The doubt of a model with these losses by epoch, this accuracy and these numbers of monitored samples by class."""
    classes = [one.model_copy(update={"monitored": count}) for one, count in zip(card.classes, monitored, strict=True)]
    settings = card.training.model_validate(card.training.model_dump() | training)
    changed = card.model_copy(update={"classes": classes, "metrics": replace(BEST, oa=oa), "training": settings})
    return doubt(changed, [replace(BEST, epoch=number, train_loss=loss) for number, loss in enumerate(losses, 1)])


@pytest.mark.parametrize(
    ("losses", "oa", "monitored", "training", "said"),
    [
        ([0.9, 0.5], 0.51, (5, 3, 2), {}, None),
        ([0.9, 0.5], 0.5, (5, 3, 2), {}, COMMONEST),
        ([0.9, 0.5], 0.4, (5, 3, 2), {}, "40.0% of the monitored samples are named rightly"),
        ([0.9, 0.5], 0.4, (5, 3, 2), {"learning_rate": 1e6}, r"try another training.learning_rate \(it is 1e\+06; 0.0001 to"),
        ([0.9, 0.5], 0.4, (5, 3, 2), {"baseline": "linear_svm"}, f"{COMMONEST}; look at labels and features"),
        ([0.9, 0.5], 1.0, (5, 0, 0), {}, None),  # there is nothing to tell apart
        ([0.9, 0.5], None, (0, 0, 0), {}, None),
        ([9.0, 1.2], 0.9, (5, 3, 2), {}, "the training loss never fell below 1.1, that of knowing nothing"),
        ([9.0, 1.2], 0.9, (5, 3, 2), {"baseline": "linear_svm"}, None),  # its loss is another one
        ([9.0, 0.6], 0.9, (5, 3, 2), {"loss": {"kind": "focal", "gamma": 2.0}}, "never fell below 0.488"),
        ([0.5, 0.6, 0.5], 0.9, (5, 3, 2), {}, "never fell after the first epoch; try another"),
        ([0.5, 0.6], 0.9, (5, 3, 2), {}, None),  # one epoch more says little
    ],
)
def test_a_model_is_doubted_for_its_scores_and_losses(
    card: ModelCard,
    losses: list[float],
    oa: float | None,
    monitored: tuple[int, ...],
    training: dict[str, Any],
    said: str | None,
) -> None:
    told = of(card, losses, oa=oa, monitored=monitored, **training)
    if said is None:
        assert told is None
    else:
        assert told is not None and re.search(said, told)


def test_a_training_at_a_hopeless_rate_is_doubted(samples: Path, tmp_path: Path) -> None:
    hopeless = job(samples, tmp_path, learning_rate=1e6)
    train(hopeless)
    told = doubt(read_card(hopeless.folder), read_history(hopeless.folder / HISTORY))
    assert told is not None and "try another training.learning_rate (it is 1e+06" in told


@pytest.mark.parametrize(
    ("deviation", "width", "training", "said"),
    [
        (999.0, 100.0, {}, None),
        (1001.0, 100.0, {}, r"{name}: a few samples lie so far off that the deviation is up to 10 times the width"),
        (math.inf, 100.0, {}, "{name}: .* up to inf times"),
        (1e6, 100.0, {"baseline": "random_forest"}, None),  # it compares values, and sees no deviation
        (1e6, 100.0, {"centre": "median"}, None),  # nor does a network then
        (1.0, 0.0, {}, None),  # what differs in a few samples only is all that it tells
    ],
)
def test_a_network_is_doubted_for_features_that_a_few_samples_make_wide(
    card: ModelCard, deviation: float, width: float, training: dict[str, Any], said: str | None
) -> None:
    found = card.statistics
    quantiles = np.array(found.quantiles)
    quantiles[:, 1] = np.linspace(0, width, len(quantiles))
    deviations = (found.deviation[0], deviation, *found.deviation[2:])
    wide = found.model_copy(update={"deviation": deviations, "quantiles": tuple(map(tuple, quantiles.tolist()))})
    told = of(card.model_copy(update={"statistics": wide}), [0.9, 0.5], oa=0.9, monitored=(5, 3, 2), **training)
    assert told is None if said is None else told is not None and re.match(said.format(name=card.space.names[1]), told)
