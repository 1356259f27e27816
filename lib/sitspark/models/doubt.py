"""Whether a trained model has learnt anything: a training that fails quietly still leaves weights, and a map."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from sitspark.errors import some
from sitspark.models.card import ModelCard
from sitspark.models.history import Epoch
from sitspark.settings import LossSettings

_WIDTHS = 10  # times the width of nearly all samples: the few others then make nearly all of a feature's variance
_NAMED = 3  # features that are named


def doubt(card: ModelCard, history: Sequence[Epoch]) -> str | None:
    """What speaks against a model, as a sentence with what to try; None where nothing does.

    It doubts a model that is right on the monitored samples no more often than one that always names their commonest class;
    of a network also a training loss that never fell, and features of which a few samples make nearly all of the deviation.
    """
    baseline = card.training.baseline is not None
    found = [*_of_scores(card), *([] if baseline else _of_losses(card, history))]
    if found:
        found.append("look at labels and features" if baseline else _other_rate(card.training.learning_rate))
    if not baseline:
        found += _of_statistics(card)
    return "; ".join(found) or None


def _of_scores(card: ModelCard) -> Iterator[str]:
    monitored = [of.monitored for of in card.classes if of.monitored]
    if card.metrics.oa is None or len(monitored) < 2:
        return
    commonest = max(monitored) / sum(monitored)
    if card.metrics.oa <= commonest:
        yield (
            f"{card.metrics.oa:.1%} of the monitored samples are named rightly, where giving all of them their commonest class "
            f"makes {commonest:.1%}"
        )


def _of_losses(card: ModelCard, history: Sequence[Epoch]) -> Iterator[str]:
    losses = [epoch.train_loss for epoch in history]
    without_knowledge = _of_equal_scores(card.training.loss, len(card.classes))
    if min(losses) >= without_knowledge:
        yield f"the training loss never fell below {without_knowledge:.3g}, that of knowing nothing"
    elif len(losses) > 2 and min(losses[1:]) >= losses[0]:
        yield "the training loss never fell after the first epoch"


def _of_statistics(card: ModelCard) -> Iterator[str]:
    statistics = card.statistics
    if card.training.centre == "median" or not statistics.quantiles:
        return
    width, deviation = np.subtract(statistics.quantiles[-1], statistics.quantiles[0]), np.asarray(statistics.deviation)
    # of a feature that is nearly always the same, what is rare is what it tells
    far = np.flatnonzero((width > 0) & (deviation > _WIDTHS * width))
    if len(far):
        names = some((card.space.names[i] for i in far), most=_NAMED)
        most = (deviation[far] / width[far]).max()
        yield (
            f"{names}: a few samples lie so far off that the deviation is up to {most:.3g} times "
            "the width of 96 % of them, and a network, which sees deviations, hardly tells these apart; give such a feature "
            "bounds (an expression: min and max)"
        )


def _of_equal_scores(loss: LossSettings, classes: int) -> float:
    """The loss where all classes have the same score; smoothed labels have it too."""
    focus = (1 - 1 / classes) ** loss.gamma if loss.kind == "focal" else 1.0
    return focus * math.log(classes)


def _other_rate(rate: float) -> str:
    return f"try another training.learning_rate (it is {rate:g}; 0.0001 to 0.01 suit most networks)"
