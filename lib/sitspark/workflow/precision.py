"""Choosing the precision of a map once, so that a map that is gone on with has one throughout."""

import json
from dataclasses import asdict

from pyspark.sql import DataFrame

from sitspark.atomic import write_atomically
from sitspark.errors import SitsparkError
from sitspark.maps.calibrate import trials_of
from sitspark.maps.classify import Pass
from sitspark.maps.record import choice_of
from sitspark.models.arithmetic import FP32, Arithmetic
from sitspark.models.card import read_card
from sitspark.models.lower_precision import chosen
from sitspark.workflow.context import Context


def arithmetic_of_map(context: Context, plan: DataFrame, imagery: Pass) -> Arithmetic:
    """The numbers in which the model of a pass classifies, tried out and noted beside its chunks before the first one.

    Raises SitsparkError for a precision that is asked for and changes too many pixels, or that the model has no form in.
    """
    settings, (target,) = context.settings.map, imagery.targets
    if settings.precision == "fp32":
        return FP32
    noted = choice_of(target.chunks)
    if noted.exists():
        return Arithmetic(**json.loads(noted.read_text())["arithmetic"])
    card = read_card(target.model)
    if card.training.baseline is not None and settings.precision != "auto":
        raise SitsparkError(
            f"map.precision {settings.precision}: {card.network.name} is no network, and is computed in its own numbers alone; "
            "set fp32 or auto"
        )
    with context.voice.bar("precision", 1, "trial") as update:
        found = trials_of(plan, imagery, target, settings.precision) if card.training.baseline is None else []
        update(1, settings.precision)
    arithmetic = chosen(found, settings.precision, limit=settings.precision_limit)
    for one in found:
        context.voice.note(f"{one}{'' if one.arithmetic == arithmetic else '; not taken'}")
    if not found:
        context.voice.remark("precision: fp32; there was no other to try, by processor, model or pixels that are ever clear")
    content = {"arithmetic": asdict(arithmetic), "tried": [asdict(one) for one in found], "limit": settings.precision_limit}
    write_atomically(noted, json.dumps(content, indent=2))
    return arithmetic
