"""Choosing the precision of a map once, so that a map that is gone on with has one throughout."""

import json
from dataclasses import asdict, replace

from pyspark.sql import DataFrame

from sitspark.atomic import write_atomically
from sitspark.errors import SitsparkError
from sitspark.maps.calibrate import trials_of
from sitspark.maps.chunk import MapTarget
from sitspark.maps.classify import Pass
from sitspark.maps.record import choice_of
from sitspark.models.arithmetic import Arithmetic
from sitspark.models.card import read_card
from sitspark.models.lower_precision import chosen, in_words
from sitspark.workflow.context import Context


def in_one_precision(context: Context, plan: DataFrame, imagery: Pass) -> tuple[MapTarget, ...]:
    """The maps of a pass with the numbers of all their models: tried out, and noted beside their chunks before the first one.

    They have one precision, so that they can be compared. Raises SitsparkError for a precision that is asked for and changes
    too many pixels, or that the models have no form in.
    """
    settings, targets = context.settings.map, imagery.targets
    if settings.precision == "fp32":
        return targets
    if all(choice_of(target.chunks).exists() for target in targets):
        return tuple(_with(target, _noted(target)) for target in targets)
    models = [model for target in targets for model in target.models]
    card = read_card(models[0].folder)
    if card.training.baseline is not None and settings.precision != "auto":
        raise SitsparkError(
            f"map.precision {settings.precision}: {card.network.name} is no network, and is computed in its own numbers alone; "
            "set fp32 or auto"
        )
    with context.voice.bar("precision", 1, "trial") as update:
        tries = card.training.baseline is None
        found = trials_of(plan, imagery, models, settings.precision) if tries else [[] for _ in models]
        update(1, settings.precision)
    arithmetic = chosen(found, settings.precision, limit=settings.precision_limit)
    for of_precision in zip(*found, strict=True):
        taken = of_precision[0].arithmetic.precision == arithmetic[0].precision
        context.voice.note(f"{in_words(of_precision)}{'' if taken else '; not taken'}")
    if not any(found):
        context.voice.remark("precision: fp32; there was no other to try, by processor, model or pixels that are ever clear")
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


def _noted(target: MapTarget) -> list[Arithmetic]:
    return [Arithmetic(**one) for one in json.loads(choice_of(target.chunks).read_text())["arithmetic"]]


def _with(target: MapTarget, arithmetic: list[Arithmetic]) -> MapTarget:
    return replace(target, models=tuple(replace(m, arithmetic=a) for m, a in zip(target.models, arithmetic, strict=True)))
