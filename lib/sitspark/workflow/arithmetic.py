"""Choosing once in which numbers a map is drawn, and on what, so that a map that is gone on with is of one piece."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace

from pyspark.sql import DataFrame

from sitspark.atomic import write_atomically
from sitspark.maps.calibrate import trials_of
from sitspark.maps.chunk import MapTarget
from sitspark.maps.classify import Pass
from sitspark.maps.record import choice_of
from sitspark.models.arithmetic import Arithmetic, Precision
from sitspark.models.committee import Member
from sitspark.models.gpu import Device
from sitspark.models.lower_precision import Tried, chosen, in_words
from sitspark.workflow.context import Context
from sitspark.workflow.map_device import device_of_map


def in_one_arithmetic(context: Context, plan: DataFrame, imagery: Pass) -> tuple[MapTarget, ...]:
    """The maps of a pass with the numbers of all their models: tried out, and noted beside their chunks before the first one.

    They have one precision and one device, so that they can be compared. Raises SitsparkError for a precision that is asked for
    and changes too many pixels, or that the models have no form in, and for GPUs that aren't there.
    """
    settings, targets = context.settings.map, imagery.targets
    if settings.precision == "fp32" and settings.device == "cpu":
        return targets
    if all(choice_of(target.chunks).exists() for target in targets):
        return tuple(_with(target, _noted(target)) for target in targets)
    models = [model for target in targets for model in target.models]
    device = device_of_map(context)
    found = _tried(context, plan, imagery, models, device=device)
    arithmetic = chosen(found, settings.precision, limit=settings.precision_limit, device=device)
    _tell(context, found, taken=arithmetic[0].precision)
    drawn, first = [], 0
    for target in targets:
        own = slice(first, first + len(target.models))
        content = {
            "arithmetic": [asdict(one) for one in arithmetic[own]],
            "tried": [[asdict(one) for one in of_model] for of_model in found[own]],
            "limit": settings.precision_limit,
        }
        write_atomically(choice_of(target.chunks), json.dumps(content, indent=2))
        drawn.append(_with(target, arithmetic[own]))
        first = own.stop
    return tuple(drawn)


def _tried(context: Context, plan: DataFrame, imagery: Pass, models: Sequence[Member], *, device: Device) -> list[list[Tried]]:
    """What lower precisions change and gain, of each model; nothing where none is wanted, or models have none."""
    wanted = context.settings.map.precision
    if wanted == "fp32" or context.settings.training.baseline is not None:
        return [[] for _ in models]
    with context.voice.bar("precision", 1, "trial") as update:
        found = trials_of(plan, imagery, models, wanted, device=device)
        update(1, wanted)
    return found


def _tell(context: Context, found: list[list[Tried]], *, taken: Precision) -> None:
    """Say what was tried, and what of it isn't taken."""
    for of_precision in zip(*found, strict=True):
        left = "" if of_precision[0].arithmetic.precision == taken else "; not taken"
        context.voice.note(f"{in_words(of_precision)}{left}")
    if context.settings.map.precision != "fp32" and not any(found):
        context.voice.remark("precision: fp32; there was no other to try, by processor, model or pixels that are ever clear")


def _noted(target: MapTarget) -> list[Arithmetic]:
    return [Arithmetic(**one) for one in json.loads(choice_of(target.chunks).read_text())["arithmetic"]]


def _with(target: MapTarget, arithmetic: list[Arithmetic]) -> MapTarget:
    return replace(target, models=tuple(replace(m, arithmetic=a) for m, a in zip(target.models, arithmetic, strict=True)))
