"""The stages from the catalogue and polygons to samples."""

from typing import Any

import shapely
from pyspark.sql import Column
from pyspark.sql import functions as F

from sitspark.errors import SitsparkError
from sitspark.grid import ChunkShape
from sitspark.ground_truth.clean import Ground, clean, encode_labels
from sitspark.ground_truth.read import inspect_vector, read_features
from sitspark.ground_truth.split import split
from sitspark.kernels.feature_space import KERNEL_VERSION
from sitspark.samples import frames
from sitspark.scenes.chunk_plan import BESIDE, chunk_frame
from sitspark.scenes.chunk_shape import chunk_shape
from sitspark.scenes.cube import READER_VERSION
from sitspark.scenes.outline import to_geographic
from sitspark.scenes.static import layers_of, state_of
from sitspark.scenes.table import scenes_of
from sitspark.workflow.context import Context
from sitspark.workflow.keys import fingerprint
from sitspark.workflow.stage import Outcome, Stage
from sitspark.workflow.tables import write_table

_TASKS = 2000  # a driver keeps the state of every task: beyond this several chunks share one


def _chunks(context: Context, _key: str) -> Outcome:
    target, shape = context.folder.table("chunks"), _shape(context)
    write_table(chunk_frame(context.spark, context.coverage, shape, region=context.ground), target, crs="EPSG:4326")
    count = context.table("chunks").count()
    if not count:
        raise SitsparkError(BESIDE)
    return Outcome(f"{count} of about {shape} pixels", {}, (target,))


def _shape(context: Context) -> ChunkShape:
    """The shape of chunks as it is set, or as files and memory allow it in the tile with the most products."""
    if context.settings.grid.chunk_size is not None:
        return ChunkShape.square(context.settings.grid.chunk_size)
    covered, leading = context.coverage, context.leading.name
    usable = context.table("scenes").where("left_out is null")
    by_tile = usable.where(F.col("sensor") == leading).groupBy("tile").count()
    (most,) = by_tile.orderBy(F.desc("count"), "tile").take(1)
    tile = most.tile
    windows = covered.tiles[tile]
    outline = to_geographic(shapely.box(*covered.grid.cropped(windows.reach).bounds), covered.grid.crs)
    around = usable.where(F.expr(f"ST_Intersects(footprint, ST_GeomFromText('{outline.wkt}', 4326))"))
    own, others = {tile}, set()
    for row in around.select("sensor", "tile").distinct().collect():
        if row.sensor != leading:
            others.add(row.tile)
        elif context.reading.merged:
            own.add(row.tile)
    scenes = scenes_of(context.folder.table("scenes"), leading, tiles=own, other_tiles=others)
    return chunk_shape(context.reading, scenes, tile, windows, memory=context.settings.spark.worker_memory)


def _ground_truth(context: Context, _key: str) -> Outcome:
    settings, folder, covered = context.settings, context.folder, context.coverage
    truth = settings.ground_truth
    with context.voice.bar("ground_truth", 3, "steps") as update:
        update(0, "reading")
        features = read_features(context.spark, truth, folder.scratch / "features")
        encoded = encode_labels(features, context.nomenclature, source=str(truth.file))
        update(1, "cleaning")
        cleaned = clean(
            encoded,
            context.nomenclature,
            Ground(covered.grid, covered.territories, context.ground),
            crs=inspect_vector(truth).crs,
            buffer=truth.point_buffer,
            tolerance=truth.overlap_tolerance,
        )
        share, seed = settings.training.monitor_share, settings.seed
        divided = split(cleaned.pieces, ratio=truth.ratio, monitor_share=share, seed=seed)
        write_table(divided.coalesce(4), folder.table("polygons"), crs=covered.grid.crs)
        update(2, "listing what is rejected")
        write_table(cleaned.rejected.coalesce(1), folder.table("rejected"))
        cleaned.release()
    polygons, rejected = context.table("polygons"), context.table("rejected")
    counts = _class_counts(context, polygons)
    reasons = {
        row.reason: row["count"]
        # reasons are counted without the numbers that they name
        for row in rejected.groupBy(_without_numbers(F.col("reason")).alias("reason"))
        .count()
        .orderBy(F.desc("count"), "reason")
        .collect()
    }
    kept = sum(count["train"] + count["validation"] for count in counts.values())
    if kept == 0:
        raise SitsparkError(
            f"ground_truth.file: no polygon of {truth.file} can be used ({_listed(reasons)}); compare its CRS and place "
            "with the imagery, and its labels with classes.nomenclature"
        )
    if not any(count["train"] and count["validation"] for count in counts.values()):
        raise SitsparkError(
            f"ground_truth.ratio: {truth.ratio} sets aside no polygon of any class, so that no map could be validated; "
            "add polygons, or lower the ratio"
        )
    for code, count in counts.items():
        name = f"{truth.file}: class {code} ({context.nomenclature.name_of(int(code))})"
        if not count["train"]:
            context.voice.note(f"{name} has no polygon that can be used: it is never drawn; add polygons, or drop the class")
        elif not count["validation"]:
            context.voice.note(
                f"{name} has {count['train']} polygons, and ground_truth.ratio {truth.ratio} sets none aside: its accuracy "
                "can't be measured; add polygons, or lower the ratio"
            )
    lost = f", {sum(reasons.values())} rejected ({_listed(reasons)})" if reasons else ""
    return Outcome(
        f"{kept} polygons of {sum(1 for c in counts.values() if c['train'])} classes{lost}",
        {"classes": counts, "rejected": reasons},
        (folder.table("polygons"), folder.table("rejected")),
    )


def _without_numbers(reason: Column) -> Column:
    plain = F.regexp_replace(reason, r"feature \d+", "another feature")
    return F.regexp_replace(plain, r"label \d+ is not", "a label that is not")


def _class_counts(context: Context, polygons: Any) -> dict[str, dict[str, int]]:
    """Polygons of each class that train, that choose the epoch (part of them), that are set aside."""
    rows = (
        polygons.select("polygon_id", "label", "split", "monitored")
        .distinct()
        .groupBy("label")
        .agg(
            F.count_if(F.col("split") == "train").alias("train"),
            F.count_if("monitored").alias("monitored"),
            F.count_if(F.col("split") == "validation").alias("validation"),
        )
        .collect()
    )
    found = {row.label: row.asDict() for row in rows}
    empty = {"train": 0, "monitored": 0, "validation": 0}
    return {str(code): {name: found.get(code, empty)[name] for name in empty} for code in context.nomenclature.codes}


def _listed(reasons: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in reasons.items())


def _observations(context: Context, _key: str) -> Outcome:
    folder, target = context.folder, context.folder.table("observations")
    grid, plan = context.coverage.grid, context.plan().cache()
    pieces = frames.pieces_by_chunk(context.table("polygons"), plan, grid).cache()
    with context.marked("labelled pixels", pieces.select("chunk_id").distinct().count(), "chunks") as marks:
        pixels = frames.labelled_frame(pieces, grid, marks=marks)
        chosen = frames.choose(pixels, context.settings.samples, seed=context.settings.seed).cache()
        chunks = chosen.select("chunk_id").distinct().count()
    pieces.unpersist()
    if chunks == 0:
        raise SitsparkError(
            "ground_truth.file: no polygon holds the centre of a pixel; the polygons are too small for this resolution "
            "(ground_truth.point_buffer widens points)"
        )
    with context.marked("observations", chunks, "chunks") as marks:
        observed = frames.observations(
            chosen, plan, folder.table("scenes"), context.reading, tasks=min(chunks, _TASKS), marks=marks
        )
        write_table(observed, target)
    plan.unpersist()
    chosen.unpersist()
    counts = context.table("observations").groupBy("split").count().collect()
    by_split = {row["split"]: row["count"] for row in counts}
    per_class = context.settings.samples.per_class
    most = f"; samples.per_class: at most {per_class:,} a class and set" if per_class else ""
    return Outcome(
        f"{sum(by_split.values())} labelled pixels read from {chunks} chunks "
        f"({by_split.get('train', 0)} for training, {by_split.get('validation', 0)} set aside{most})",
        {"pixels": by_split, "chunks": chunks},
        (target,),
    )


def _samples(context: Context, _key: str) -> Outcome:
    space, target = context.feature_space, context.folder.table("samples")
    observed = context.table("observations")
    with context.marked("samples", sum(context.facts("observations")["pixels"].values()), "pixels") as marks:
        write_table(frames.samples(observed, space, seed=context.settings.seed, marks=marks), target)
    table = context.table("samples")
    rows = table.groupBy("label", "split", "monitored").count().collect()
    pixels: dict[str, dict[str, int]] = {
        str(code): {"train": 0, "monitored": 0, "validation": 0} for code in context.nomenclature.codes
    }
    for row in rows:
        pixels[str(row.label)][row.split] += row["count"]
        if row.monitored:
            pixels[str(row.label)]["monitored"] += row["count"]
    unseen = sum(context.facts("observations")["pixels"].values()) - sum(row["count"] for row in rows)
    if unseen:
        of = " of every sensor" if len(context.sensors) > 1 else ""
        context.voice.note(f"{unseen} labelled pixels have no clear date{of} and are left out")
    return Outcome(
        f"{sum(row['count'] for row in rows)} samples of {len(space)} features ({space})",
        {"classes": pixels, "features": len(space)},
        (target,),
    )


def _chunks_inputs(context: Context) -> Any:
    size = context.settings.grid.chunk_size
    return context.settings.spark.worker_memory if size is None else size


def _ground_truth_inputs(context: Context) -> Any:
    settings = context.settings
    return [
        settings.ground_truth.model_dump(mode="json"),
        settings.training.monitor_share,
        settings.seed,
        [[c.code, c.name] for c in context.nomenclature],
        fingerprint([settings.ground_truth.file]),
    ]


def _observations_inputs(context: Context) -> Any:
    settings = context.settings
    return [
        settings.samples.model_dump(mode="json"),
        settings.seed,
        settings.grid.interpolator,
        settings.grid.overlap,
        [[sensor.name, sensor.selection.layout.day] for sensor in context.sensors],
        # not its name, which only the features have
        [[layer.band, layer.interpolator, layer.fill, state_of(layer)] for layer in layers_of(settings.features.static)],
    ]


def _samples_inputs(context: Context) -> Any:
    settings = context.settings
    return [
        settings.time_series.model_dump(mode="json"),
        settings.features.model_dump(mode="json"),
        [[archive.step, archive.indices] for archive in settings.archives],
        settings.seed,
    ]


STAGES = (
    Stage("chunks", ("scenes",), 4, _chunks_inputs, _chunks),
    Stage("ground_truth", ("scenes",), 3, _ground_truth_inputs, _ground_truth),
    Stage("observations", ("scenes", "ground_truth"), READER_VERSION, _observations_inputs, _observations, through=("chunks",)),
    Stage("samples", ("observations",), KERNEL_VERSION, _samples_inputs, _samples),
)
