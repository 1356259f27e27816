"""The models of a run that draw its map together: by their seeds, and by the ground that each is for."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import shapely
from pyspark.sql import functions as F

from sitspark.errors import SitsparkError, some
from sitspark.models.selection import Ground
from sitspark.workflow.context import Context
from sitspark.workflow.divisions import samples_of_run
from sitspark.workflow.keys import digest

if TYPE_CHECKING:
    from sitspark.models.committee import Member

_NOTICED = 0.0005  # a share of the map that would be written as 0.1 %


@dataclass(frozen=True, slots=True)
class PlannedModel:
    """A model to train: its id, what its seed is, and the ground that it is for; None: all of it.

    `number` counts those that differ by their seeds alone, from 1 on; None: there is one.
    """

    model_id: str
    seed: int
    ground: Ground | None
    number: int | None

    @property
    def suffix(self) -> str:
        """What tells it from the others, as the end of a phrase."""
        ground = "" if self.ground is None else f" {self.ground}"
        return ground if self.number is None else f"{ground} {self.number}"


def planned_models(context: Context, stem: str, grounds: Sequence[Ground | None], *, run: int = 1) -> tuple[PlannedModel, ...]:
    """The models that the settings ask for, one after the other for each ground; each has a seed that no other has there.

    Ids begin with `stem`; the first seed is that of the settings in the first run of a cross-validation.
    """
    count = context.settings.training.ensemble
    seed = context.settings.seed + (run - 1) * count
    found = []
    for ground in grounds:
        own = stem if ground is None else f"{stem}-{in_a_path(ground.name)}"
        for number in range(count):
            one = None if count == 1 else number + 1
            found.append(PlannedModel(own if one is None else f"{own}-{one}", seed + number, ground, one))
    return tuple(found)


def grounds_of(context: Context, *, without: str | None = None, run: int = 1) -> Sequence[Ground | None]:
    """The grounds that have models of their own, those with samples to train on, be it `without` a fold; None for all of it.

    Says what nothing is drawn on. Raises SitsparkError where no ground has samples to train on.
    """
    column = context.settings.training.ground_column
    if column is None:
        return [None]
    trains = samples_of_run(context, run).where("split = 'train'")
    if without is not None:
        trains = trains.where(F.col("fold").isNull() | (F.col("fold") != without))
    of = "" if without is None else f" without {without}"
    there = {row[0] for row in trains.where(F.col(column).isNotNull()).select(column).distinct().collect()}
    known = context.regions_on_grid if column == "region" else context.coverage.tiles
    if not there:
        raise SitsparkError(f"training.model_per {column}: no sample to train on{of} lies in any {column}; set map")
    bare = sorted(set(known) - there)
    if bare:
        context.voice.note(f"training.model_per {column}: no sample to train on{of} in {some(bare)}: nothing is drawn there")
    beside = _share_beside(context) if column == "region" and without is None else 0.0
    if beside > _NOTICED:
        context.voice.note(f"ground_truth.regions: {beside:.1%} of the map lies in none of them: nothing is drawn there")
    return [Ground(column, name) for name in sorted(there)]


def _share_beside(context: Context) -> float:
    """The share of the map that no region reaches, be it by its buffer."""
    boundary = context.settings.map.boundary
    reached = shapely.union_all([region.outline for region in context.regions_on_grid.values()])
    if boundary is not None:
        reached = reached.buffer(boundary.exterior)
    whole = context.ground.outline if context.ground else shapely.box(*context.coverage.grid.bounds)
    return float(1 - shapely.intersection(whole, reached).area / whole.area)


def facts_of(models: Sequence[PlannedModel]) -> list[dict[str, Any]]:
    """What the stage train leaves of its models."""
    return [asdict(model) for model in models]


def models_of(facts: Mapping[str, Any]) -> tuple[PlannedModel, ...]:
    """The models that the stage train left."""
    return tuple(PlannedModel(**{**one, "ground": one["ground"] and Ground(**one["ground"])}) for one in facts["models"])


def members_of(context: Context, models: Sequence[PlannedModel]) -> "tuple[Member, ...]":
    """Trained models as they are read."""
    # torch takes seconds to import
    from sitspark.models.committee import Member

    return tuple(Member(context.folder.model(one.model_id), context.own_code, ground=one.ground) for one in models)


def in_a_path(name: str) -> str:
    """The name of a fold or a ground as part of a folder's: regions may have any; two names stay two."""
    plain = re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII)
    return plain if plain == name else f"{plain}-{digest(name)[:6]}"
