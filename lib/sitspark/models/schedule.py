"""The learning rate at each step: a function of the settings, the step and what was noted of earlier epochs.

Nothing of it has to be remembered, so that a training that was stopped goes on with the rate that it would have had.
"""

import math
from collections.abc import Sequence

from sitspark.models.history import Criterion, Epoch, is_better
from sitspark.settings import ScheduleSettings

# of torch's OneCycleLR, after Smith and Topin 2018: share of the steps that the rate rises, first and last share of the rate
_RISE, _FIRST, _LAST = 0.3, 1 / 25, 1 / 25e4


def rate_factor(settings: ScheduleSettings, passed: float, epochs: int) -> float:
    """The share of training.learning_rate that a step takes after `passed` of all `epochs` (from 0 to epochs).

    Without what a plateau takes away. After warm-up the schedule goes on as it would be at that time without one.
    """
    warm = min(passed / settings.warm_up, 1.0) if settings.warm_up else 1.0
    time = passed / epochs
    if settings.kind == "cosine":
        return warm * _descent(1.0, 0.0, time)
    if settings.kind == "one_cycle":
        if time < _RISE:
            return warm * _descent(_FIRST, 1.0, time / _RISE)
        return warm * _descent(1.0, _LAST, (time - _RISE) / (1 - _RISE))
    return warm


def plateau_factor(settings: ScheduleSettings, history: Sequence[Epoch], criterion: Criterion) -> float:
    """What the epochs so far have taken from the rate: a factor for each plateau (torch's ReduceLROnPlateau).

    A plateau is `patience` + 1 epochs on end that don't beat the best one; 1 for schedules of another kind.
    """
    if settings.kind != "plateau":
        return 1.0
    factor, best, waited = 1.0, None, 0
    for epoch in history:
        if best is None or is_better(epoch, best, criterion):
            best, waited = epoch, 0
        else:
            waited += 1
        if waited > settings.patience:
            factor, waited = factor * settings.factor, 0
    return factor


def _descent(first: float, last: float, time: float) -> float:
    """From one value to another along half a cosine, for a time of 0 to 1."""
    return last + (first - last) / 2 * (1 + math.cos(math.pi * time))
