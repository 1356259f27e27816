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


def in_precision_of_map(context: Context, plan: DataFrame, imagery: Pass, target: MapTarget) -> MapTarget:
    """A map of a pass with the numbers of its models: tried out, and noted beside its chunks before the first one.

    Raises SitsparkError for a precision that is asked for and changes too many pixels, or that the models have no form in.
    """
    settings = context.settings.map
    if settings.precision == "fp32":
        return target
    noted = choice_of(target.chunks)
    if noted.exists():
        return _with(target, [Arithmetic(**one) for one in json.loads(noted.read_text())["arithmetic"]])
    card = read_card(target.models[0].folder)
    if card.training.baseline is not None and settings.precision != "auto":
        raise SitsparkError(
            f"map.precision {settings.precision}: {card.network.name} is no network, and is computed in its own numbers alone; "
            "set fp32 or auto"
        )
    with context.voice.bar("precision", 1, "trial") as update:
        tries = card.training.baseline is None
        found = trials_of(plan, imagery, target.models, settings.precision) if tries else [[] for _ in target.models]
        update(1, settings.precision)
    arithmetic = chosen(found, settings.precision, limit=settings.precision_limit)
    for of_precision in zip(*found, strict=True):
        taken = of_precision[0].arithmetic.precision == arithmetic[0].precision
        context.voice.note(f"{in_words(of_precision)}{'' if taken else '; not taken'}")
    if not any(found):
        context.voice.remark("precision: fp32; there was no other to try, by processor, model or pixels that are ever clear")
    content = {
        "arithmetic": [asdict(one) for one in arithmetic],
        "tried": [[asdict(one) for one in of_model] for of_model in found],
        "limit": settings.precision_limit,
    }
    write_atomically(noted, json.dumps(content, indent=2))
    return _with(target, arithmetic)


def _with(target: MapTarget, arithmetic: list[Arithmetic]) -> MapTarget:
    return replace(target, models=tuple(replace(m, arithmetic=a) for m, a in zip(target.models, arithmetic, strict=True)))
