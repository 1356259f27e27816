"""Whether a trained model has learnt anything: a training that fails quietly still leaves weights, and a map."""

import math
from collections.abc import Iterator, Sequence

from sitspark.models.card import ModelCard
from sitspark.models.history import Epoch
from sitspark.settings import LossSettings


def doubt(card: ModelCard, history: Sequence[Epoch]) -> str | None:
    """What speaks against a model, as a sentence with what to try; None where nothing does.

    It doubts a model that is right on the monitored samples no more often than one that always names their commonest class,
    and a training loss (of a network) that never fell.
    """
    baseline = card.training.baseline is not None
    found = [*_of_scores(card), *([] if baseline else _of_losses(card, history))]
    if not found:
        return None
    remedy = "look at labels and features" if baseline else _other_rate(card.training.learning_rate)
    return f"{'; '.join(found)}; {remedy}"


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


def _of_equal_scores(loss: LossSettings, classes: int) -> float:
    """The loss where all classes have the same score; smoothed labels have it too."""
    focus = (1 - 1 / classes) ** loss.gamma if loss.kind == "focal" else 1.0
    return focus * math.log(classes)


def _other_rate(rate: float) -> str:
    return f"try another training.learning_rate (it is {rate:g}; 0.0001 to 0.01 suit most networks)"
