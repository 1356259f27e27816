"""What training the networks of a run would take: steps on made-up samples, multiplied."""

from collections.abc import Sequence

from sitspark.kernels.feature_space import FeatureSpace
from sitspark.models.learning_speed import samples_a_second
from sitspark.models.networks.bank import chosen
from sitspark.settings import TrainingSettings
from sitspark.workflow.context import Context
from sitspark.workflow.foreseen import Cost, Learning
from sitspark.workflow.searching import trials_at_a_time
from sitspark.workflow.training_bounds import most_samples

_JUDGED = 1 / 3  # what a monitored sample takes of one that is learnt from: scores, and no gradients


def learning_of(context: Context, space: FeatureSpace) -> Learning | None:
    """How fast networks of the settings learn on this machine; None of a baseline."""
    training, classes = context.settings.training, len(context.nomenclature)
    if training.baseline is not None:
        return None
    network = chosen(training, space, classes, own=context.own_network)
    return Learning(round(samples_a_second(network, training, features=len(space), classes=classes)), training.epochs)


def costs_of_training(context: Context, learning: Learning | None, *, models: int, done: Sequence[str]) -> dict[str, Cost]:
    """What training so many networks takes at most; nothing where it isn't known how many samples there will be."""
    samples = _samples(context, models=models, done=done)
    if learning is None or samples is None:
        return {}
    training, master = context.settings.training, context.settings.spark.master
    at_a_time = (trials_at_a_time(training, master) or 1) if training.search else 1
    return {"train": cost_of_training(training, learning, samples=samples, at_a_time=min(models, at_a_time))}


def cost_of_training(training: TrainingSettings, learning: Learning, *, samples: int, at_a_time: int) -> Cost:
    """What all models take that have so many samples together in an epoch, some of which are monitored."""
    passed = 1 - training.monitor_share * (1 - _JUDGED)
    alone = learning.epochs * samples * passed / learning.samples_per_second
    return Cost(alone * training.threads, alone / (training.ranks * at_a_time))


def _samples(context: Context, *, models: int, done: Sequence[str]) -> int | None:
    """The samples of an epoch of all models together, at most; None where that hangs on how many there are."""
    if "samples" in done:
        training = context.settings.training
        there = sum(of["train"] + of["children"] for of in context.facts("samples")["classes"].values())
        return int(there * training.models * training.ensemble)
    most = most_samples(context)
    return None if most is None else most * models
