"""Drawing maps chunk by chunk: one pass over the imagery for all of them, gone on with after a stop."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sitspark.errors import SitsparkError, counted
from sitspark.maps.products import Product
from sitspark.maps.record import ChunkRecord, choice_of, committed, noted
from sitspark.spark import tasks_at_a_time
from sitspark.workflow.context import Context
from sitspark.workflow.members import PlannedModel, members_of

if TYPE_CHECKING:
    from sitspark.maps.chunk import MapTarget
    from sitspark.models.applicability import AreaOfApplicability


def target_of(context: Context, models: Sequence[PlannedModel], chunks: Path) -> "MapTarget":
    """The map that trained models draw together as the settings say, with the folder of its chunks."""
    # torch takes seconds to import: only when there is something to classify
    from sitspark.maps.chunk import MapTarget
    from sitspark.models.card import read_card, require_features

    members, settings = members_of(context, models), context.settings
    for member in members:
        require_features(read_card(member.folder), context.recipe.space, of="classify: what the settings describe")
    grounds = context.regions_on_grid if settings.training.model_per == "region" else {}
    return MapTarget(chunks, members, settings.map.combine, grounds, settings.map.boundary)


def draw_chunks(
    context: Context,
    targets: "Sequence[MapTarget]",
    wanted: Sequence[Product],
    *,
    name: str,
    area: "AreaOfApplicability | None" = None,
) -> list[list[ChunkRecord]]:
    """Draw what is missing of the chunks of all maps; gives the records of each, in the order of their ids.

    `name` is that of the stage; `area` is for the product dissimilarity. Raises SitsparkError where chunks are missing all the
    same.
    """
    from sitspark.maps.classify import Pass, classify, descriptors_missing, tasks_of
    from sitspark.workflow.arithmetic import in_one_arithmetic

    for target in targets:
        _forget_what_is_stale(context, target.chunks)
    plan = context.plan_of_map().cache()
    total = plan.count()
    written = [{record.chunk_id for record in committed(target.chunks, wanted)} for target in targets]
    for target, own in zip(targets, written, strict=True):
        for record in target.chunks.glob("[!.]*.json"):
            if record.stem not in own:
                record.unlink()
    # a chunk is read for all maps at once
    done = sorted(set.intersection(*written))
    if done:
        context.voice.remark(f"{len(done)} of {counted(total, 'chunk')} written already; going on with the rest")
    settings = context.settings
    tiles = {tile: windows.reach for tile, windows in context.coverage.tiles.items()}
    blended = tiles if settings.grid.overlap == "blend" else {}
    imagery = Pass(
        context.folder.table("scenes"),
        context.reading,
        context.recipe,
        tuple(targets),
        tuple(wanted),
        context.regions_on_grid,
        blended,
        area,
    )
    if len(done) < total:
        imagery = replace(imagery, targets=in_one_arithmetic(context, plan, imagery))
        tasks = tasks_of(total - len(done), tasks_at_a_time(context.spark))
        drawn = classify(descriptors_missing(plan, done), imagery, tasks=tasks)
        last = targets[-1].chunks
        with context.voice.watch(name, total, "chunks", lambda: count_chunks(last)):
            drawn.write.format("noop").mode("overwrite").save()
    plan.unpersist()
    # hashed above, or by the workers that have just written them; and again before they are put together
    found = [noted(target.chunks, wanted) for target in targets]
    for target, records in zip(targets, found, strict=True):
        if len(records) != total:
            raise SitsparkError(
                f"{name}: {total - len(records)} of {counted(total, 'chunk')} missing in {target.chunks}; run the same command "
                "again"
            )
    return found


def count_chunks(chunks: Path) -> int:
    """How many chunks are noted as written."""
    return sum(1 for _ in chunks.glob("[!.]*.json"))


def _forget_what_is_stale(context: Context, chunks: Path) -> None:
    """Remove the chunks of other settings beside a folder of chunks, and make that."""
    for stale in chunks.parent.glob("*"):
        if stale not in (chunks, choice_of(chunks)):
            shutil.rmtree(stale) if stale.is_dir() else stale.unlink()
    drawn = context.settings.map
    if (drawn.precision, drawn.device) != ("fp32", "cpu") and not choice_of(chunks).exists():
        shutil.rmtree(chunks, ignore_errors=True)  # what is written may be of other numbers than will be chosen
    chunks.mkdir(parents=True, exist_ok=True)
