"""What training the networks of a run would take: steps on made-up samples, multiplied."""

import math
from collections.abc import Sequence

import torch

from sitspark.kernels.feature_space import FeatureSpace
from sitspark.models.learning_speed import samples_a_second
from sitspark.models.networks.bank import chosen
from sitspark.settings import TrainingSettings
from sitspark.spark import on_one_machine
from sitspark.workflow.context import Context
from sitspark.workflow.foreseen import Cost, Learning
from sitspark.workflow.training_bounds import most_samples

_JUDGED = 1 / 3  # what a monitored sample takes of one that is learnt from: scores, and no gradients
# keys of which a search may try values without a model taking longer or shorter
_AS_LONG = frozenset({"learning_rate", "optimiser", "loss", "schedule", "balance", "centre"})


def learning_of(context: Context, space: FeatureSpace, *, done: Sequence[str]) -> Learning | None:
    """How fast a network of the settings learns in one process on this machine.

    None where none will: it is trained, is a baseline, learns on other machines or on GPUs that aren't there, or a search tries
    what changes how long it takes.
    """
    training, classes = context.settings.training, len(context.nomenclature)
    elsewhere = training.where == "executors" and not on_one_machine(context.settings.spark)
    device = _device(training)
    if "train" in done or training.baseline is not None or elsewhere or device is None or _takes_other_times(training):
        return None
    network = chosen(training, space, classes, own=context.own_network)
    rate = samples_a_second(network, training, features=len(space), classes=classes, device=device)
    return Learning(round(rate), training.epochs)


def cost_of_training(training: TrainingSettings, learning: Learning, *, samples: int, rounds: int) -> Cost:
    """What models take of so many samples each, some of which are monitored, in so many rounds after each other.

    By the clock as if each had one process; several are faster where each has a core.
    """
    passed = 1 - training.monitor_share * (1 - _JUDGED)
    alone = learning.epochs * samples * passed / learning.samples_per_second
    return Cost(alone * training.threads * rounds, alone * rounds)


def rounds_of(training: TrainingSettings, *, models: int, at_a_time: int | None) -> int:
    """How many rounds `models` take, of which trials of one search run beside each other, so many at a time."""
    if training.search is None:
        return models
    beside = min(at_a_time or training.models, training.models)
    if training.search.trials is not None:
        beside = min(beside, training.search.together)
    return models // training.models * math.ceil(training.models / beside)


def samples_of_a_model(context: Context, *, grounds: int, done: Sequence[str]) -> int | None:
    """The samples of an epoch of one model, about or at most; None where that hangs on how many there are."""
    if "samples" in done:
        classes = context.facts("samples")["classes"].values()
        return int(sum(of["train"] + of["children"] for of in classes)) // grounds
    return None if context.settings.samples.augmentation is not None else most_samples(context)


def _device(training: TrainingSettings) -> torch.device | None:
    """What a process of a training takes here; None where it insists on GPUs, and there are too few."""
    found = torch.cuda.device_count() if training.device != "cpu" and torch.cuda.is_available() else 0
    if found >= max(training.ranks, 1):
        return torch.device("cuda")
    return None if training.device == "gpu" else torch.device("cpu")


def _takes_other_times(training: TrainingSettings) -> bool:
    search = training.search
    return search is not None and any(key.split(".")[0] not in _AS_LONG for key in search.try_)
