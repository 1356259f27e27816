"""The stages of the area of applicability: found from the training samples before the map, and measured on it afterwards."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sitspark.accuracy.applicability import Applicability, Distances, Part, parts_csv
from sitspark.accuracy.applicability_figure import applicability_figure
from sitspark.accuracy.importance import groups_of, weights_of
from sitspark.atomic import publish, write_atomically
from sitspark.errors import SitsparkError, counted
from sitspark.ground_truth.folds import NOUNS
from sitspark.maps.products import DISSIMILARITY
from sitspark.samples.quality import kept_of
from sitspark.settings import ApplicabilitySettings, Settings
from sitspark.workflow.context import Context
from sitspark.workflow.refine import extent_of
from sitspark.workflow.stage import Outcome, Stage

if TYPE_CHECKING:
    from sitspark.models.applicability import AreaOfApplicability

_PROBES = 2000  # samples set aside that are compared, and that the error is measured on
_UNIT = 2**30


def area_file(context: Context) -> Path:
    """The file of the area of applicability."""
    return context.folder.accuracy / "applicability.safetensors"


def area_of(context: Context) -> "AreaOfApplicability | None":
    """The area of applicability of a run whose map shows it."""
    if "dissimilarity" not in context.settings.map.products:
        return None
    from sitspark.models.applicability import AreaOfApplicability

    return AreaOfApplicability.load(area_file(context))


def _applicability(context: Context, _key: str) -> Outcome:
    # torch takes seconds to import
    from sitspark.accuracy.approximation import error_of
    from sitspark.accuracy.set_aside import SET_ASIDE
    from sitspark.models.applicability import AreaOfApplicability, FoldedSamples
    from sitspark.models.inference import one_thread

    wanted, facts = _wanted(context.settings), context.facts("samples")["classes"]
    samples = context.table("samples")
    if context.settings.samples.quality is not None:
        samples = kept_of(samples, context.table("quality"))
    learnt = {int(code): count["train"] - count["monitored"] for code, count in facts.items()}
    aside = {int(code): count["validation"] for code, count in facts.items()}
    training = _some(samples.where("split = 'train' and not monitored"), learnt, most=wanted.samples, context=context)
    probes = _some(samples.where(SET_ASIDE), aside, most=_PROBES, context=context)
    by_fold = training["fold"].nunique() > 1
    column, noun = ("fold", _noun(context)) if by_fold else ("polygon_id", "polygon")
    if training.empty:
        raise SitsparkError("applicability: there are no samples to train on; check the ground truth and the split")
    # without a fold a polygon is never left out with others: it stands for itself
    place = training[column].where(training[column].notna(), "polygon " + training["polygon_id"].astype(str))
    names, folds = np.unique(place.astype(str), return_inverse=True)
    known = FoldedSamples(_features(training), folds)
    losses = _losses(context)
    # the rest of the machine may be at work: products on several threads wait for each other
    with one_thread(), context.voice.bar("applicability", 3, "steps") as update:
        area = AreaOfApplicability.fit(
            known,
            weights_of(groups_of(context.feature_space), losses),
            dimensions=wanted.dimensions,
            cells=wanted.cells,
        )
        update(1, "")
        distances = [Distances.measured("training_left_out", area.left_out_index(known), area.threshold)]
        parts: list[Part] = []
        error = None
        if not probes.empty:
            features = _features(probes)
            distances.append(Distances.measured("set_aside", area.index(features), area.threshold))
            update(2, "")
            error = error_of(area, known, features)
        if not probes.empty and by_fold:
            # -1, which all others are, where a fold trains nothing
            own = pd.Categorical(probes["fold"], names).codes.astype(np.int64)
            left_out = area.left_out_index(FoldedSamples(features, own))
            distances.append(Distances.measured("set_aside_left_out", left_out, area.threshold))
            parts = [
                Part.of(str(name), Distances.measured("set_aside_left_out", left_out[own == code], area.threshold))
                for code, name in enumerate(names)
                if (own == code).any()
            ]
    found = Applicability(
        area.threshold,
        noun,
        bool(losses),
        len(training),
        area.axes.shape[1],
        len(area.centres),
        error,
        tuple(distances),
        tuple(parts),
    )
    area.save(area_file(context))
    written = _written(context, found, "applicability")
    return Outcome(_in_words(found), found.to_json(), (area_file(context), *written))


def _some(samples: DataFrame, counts: Mapping[int, int], *, most: int, context: Context) -> pd.DataFrame:
    """About `most` samples, of each class as many where it has them, in the order of their ids; `counts` are those of classes.

    Which ones are taken follows from the seed and their ids.
    """
    there = {code: count for code, count in counts.items() if count}
    shares = {code: min(1.0, most / len(there) / count) for code, count in there.items()} or {0: 0.0}
    share = F.create_map(*(F.lit(part) for pair in shares.items() for part in pair))[F.col("label")]
    drawn = F.expr(f"pmod(xxhash64({context.settings.seed}, 'applicability', sample_id), {_UNIT}) / {_UNIT}")
    taken = samples.where(drawn < share).select("sample_id", "polygon_id", "fold", "features").toPandas()
    return taken.sort_values("sample_id", ignore_index=True)


def _features(rows: pd.DataFrame) -> npt.NDArray[np.float32]:
    return np.stack(list(rows["features"])).astype(np.float32)


def _losses(context: Context) -> dict[Any, float]:
    """What is lost without each group of features; empty where that wasn't asked for, or nothing was set aside to ask."""
    if context.settings.importance is None or "importance" not in context.facts("trust"):
        return {}
    return {(row.kind, row.name): row.loss for row in context.table("importance").collect()}


def _noun(context: Context) -> str:
    return NOUNS[context.truth.folds] if context.settings.observations is None else "fold"


def _wanted(settings: Settings) -> ApplicabilitySettings:
    assert settings.applicability is not None
    return settings.applicability


def _dissimilarity(context: Context, _key: str) -> Outcome:
    from sitspark.maps.dissimilarity import values_by_tile

    found = Applicability.from_json(context.facts("applicability"))
    raster = context.folder.path / context.facts("mosaic")["map"] / "dissimilarity.tif"
    extent = extent_of(raster, context.coverage.grid)
    by_tile = values_by_tile(raster, context.coverage.territories, origin=extent)
    if not by_tile:
        return Outcome("nothing is drawn")

    def measured(counts: npt.NDArray[np.int64]) -> Distances:
        return Distances.mapped(counts, scale=DISSIMILARITY.scale, threshold=found.threshold)

    whole = measured(np.sum(list(by_tile.values()), axis=0))
    tiles = tuple(Part.of(tile, measured(counts)) for tile, counts in sorted(by_tile.items()))
    found = replace(found, distances=(*found.distances, whole), tiles=tiles)
    table = context.folder.accuracy / "dissimilarity.csv"
    write_atomically(table, parts_csv(tiles))
    worst = max(tiles, key=lambda tile: tile.outside)
    most = f", most in {worst.name} ({worst.outside:.1%})" if len(tiles) > 1 else ""
    summary = f"{whole.outside:.1%} of {whole.count:,} pixels outside the area of applicability{most}"
    written = _written(context, found, "dissimilarity")
    return Outcome(f"{summary}{context.beside('dissimilarity')}", found.to_json(), (table, *written))


def _written(context: Context, found: Applicability, name: str) -> tuple[Path, ...]:
    """Numbers and figure under a name."""
    numbers, figure = (context.folder.accuracy / f"{name}.{end}" for end in ("json", "png"))
    write_atomically(numbers, json.dumps(found.to_json(), indent=2, ensure_ascii=False))
    publish(figure, applicability_figure(found))
    return numbers, figure


def _in_words(found: Applicability) -> str:
    error = "its error isn't known: nothing is set aside"
    if found.error is not None:
        changed = found.error.changed / found.error.samples
        error = f"the exact index would put {changed:.1%} of {counted(found.error.samples, 'sample')} on its other side"
    told = [f"threshold {found.threshold:.3f} from {counted(found.samples, 'sample')}", error, found.sentence]
    return "; ".join(part for part in told if part)


def applicability_of(facts: Mapping[str, Mapping[str, Any]]) -> Applicability | None:
    """What the stages found, with the map where it is measured; None where neither is done."""
    known = facts.get("dissimilarity") or facts.get("applicability")
    return Applicability.from_json(known) if known else None


def _inputs(context: Context) -> Any:
    wanted = context.settings.applicability
    return [wanted and wanted.model_dump(mode="json"), context.settings.seed]


def stages_before_map(settings: Settings) -> tuple[Stage, ...]:
    """What is asked for before a map is drawn."""
    if settings.applicability is None:
        return ()
    weighed = "samples" if settings.importance is None else "trust"
    return (Stage("applicability", (weighed,), 1, _inputs, _applicability),)


def stages_after_map(settings: Settings) -> tuple[Stage, ...]:
    """What is asked for after a map is drawn."""
    if "dissimilarity" not in settings.map.products:
        return ()
    return (Stage("dissimilarity", ("applicability", "mosaic"), 1, lambda _context: None, _dissimilarity),)
