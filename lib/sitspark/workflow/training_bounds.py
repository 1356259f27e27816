"""How many samples a model would learn from, and what it would hold of them."""

import numpy as np

from sitspark.models.baselines.training import samples_that_fit
from sitspark.workflow.context import Context
from sitspark.workflow.foreseen import Bound, Held


def most_samples(context: Context) -> int | None:
    """How many samples a model learns from at most; None where that hangs on how many there are."""
    samples = context.settings.samples
    rules = (samples, *samples.per_model.values())
    numbers = [rule.per_class for rule in rules if rule.strategy == "constant" and rule.per_class is not None]
    return len(context.nomenclature) * max(numbers) if len(numbers) == len(rules) else None


def held_of(context: Context, features: int) -> Held:
    """What a network's training holds of the samples."""
    training = context.settings.training
    most = most_samples(context)
    held = int(training.memory * 1e9 / (features * np.dtype(training.held_as).itemsize))
    return Held(training.model_name, held, training.memory, most, training.held_as)


def bound_of(context: Context, features: int) -> Bound | None:
    """What a baseline learns from at most; None for a network."""
    training = context.settings.training
    if training.baseline is None:
        return None
    return Bound(training.model_name, samples_that_fit(training, features, len(context.nomenclature)), training.memory)
