"""The stages from the catalogue and polygons to samples."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

import shapely
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from sitspark.accuracy.split_figure import Amount, Bounds, Place, SplitView, split_figure
from sitspark.atomic import publish
from sitspark.errors import SitsparkError, counted, some
from sitspark.features.recipe import RECIPE_VERSION
from sitspark.grid import ChunkShape
from sitspark.ground_truth import overview
from sitspark.ground_truth.clean import clean
from sitspark.ground_truth.division import Choices, divide
from sitspark.ground_truth.labels import count_labels
from sitspark.ground_truth.placing import Ground, Placing
from sitspark.ground_truth.read import inspect_vector, read_features
from sitspark.ground_truth.told import read_told, read_weights
from sitspark.kernels.feature_series import shown_series
from sitspark.kernels.feature_space import KERNEL_VERSION
from sitspark.maps.products import held_bytes
from sitspark.samples import frames
from sitspark.samples.children import children, fitted_by_group, wanted_children
from sitspark.samples.choice import Choice, choose
from sitspark.samples.chunk_pixels import CHOSEN, Group, Quota
from sitspark.samples.clear import write_clear
from sitspark.samples.grounds import NOBODYS, refuse_unknown_models
from sitspark.samples.monitored import monitor_pixels
from sitspark.samples.pieces import pieces_by_chunk
from sitspark.samples.quality import kept_of
from sitspark.samples.rules import Rules
from sitspark.samples.series import series_by_class
from sitspark.samples.strategy import counts_by_class
from sitspark.scenes.chunk_plan import BESIDE, chunk_frame
from sitspark.scenes.chunk_shape import chunk_shape
from sitspark.scenes.cube import READER_VERSION
from sitspark.scenes.outline import to_geographic
from sitspark.scenes.static import layers_of, state_of
from sitspark.scenes.table import scenes_of
from sitspark.settings import OF_SERIES, AugmentationSettings, SelectionSettings
from sitspark.workflow.context import Context
from sitspark.workflow.judging import judge_samples
from sitspark.workflow.keys import fingerprint
from sitspark.workflow.split_remarks import refuse_useless_split, split_remarks
from sitspark.workflow.stage import Outcome, Stage
from sitspark.workflow.tables import write_table

_CHOICE_VERSION = 2
_TASKS = 2000  # a driver keeps the state of every task: beyond this several chunks share one
_DRAWN = 20_000  # pieces on the map of the split


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
        elif context.settings.grid.overlap != "owner":
            own.add(row.tile)
    scenes = scenes_of(context.folder.table("scenes"), leading, tiles=own, other_tiles=others)
    return chunk_shape(
        context.reading,
        scenes,
        tile,
        covered.tiles,
        memory=context.settings.spark.worker_memory,
        written=held_bytes(context.products),
    )


def _ground_truth(context: Context, key: str) -> Outcome:
    folder, covered, truth = context.folder, context.coverage, context.truth
    with context.voice.bar("ground_truth", 3, "steps") as update:
        update(0, "reading")
        count_labels(truth, context.nomenclature)  # a label that nobody understands is told before any work
        features = read_features(truth, folder.scratch / "features")
        update(1, "cleaning")
        ground = ground_of(context)
        names = {c.code: c.name for c in context.nomenclature}
        placing = Placing(ground, inspect_vector(truth).crs, truth.point_buffer, names)
        scratch = folder.scratch / "judged"
        shutil.rmtree(scratch, ignore_errors=True)
        cleaned = clean(context.spark, features, placing, scratch, tolerance=truth.overlap_tolerance, overlaps=truth.overlaps)
        divided = divide(cleaned.pieces, ground, choices_of(context))
        if truth.weight_field is not None:
            divided = divided.join(read_weights(context.spark, truth, folder.scratch / "weights"), "polygon_id")
        write_table(divided.coalesce(4), folder.table("polygons"), crs=covered.grid.crs)
        update(2, "listing what is rejected")
        context.write("rejected", cleaned.rejected.coalesce(1), key=key)
        shutil.rmtree(scratch)
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
    kept = polygons.select("polygon_id").distinct().count()
    if kept == 0:
        raise SitsparkError(
            f"ground_truth.file: no polygon of {truth.file} can be used ({_listed(reasons)}); compare its CRS and place "
            "with the imagery, and its labels with classes.nomenclature"
        )
    refuse_useless_split(truth, counts)
    for remark in split_remarks(truth, counts, context.nomenclature):
        context.voice.note(remark)
    folds = _folds(context, polygons)
    publish(folder.split, split_figure(_split_view(context, polygons), context.nomenclature))
    for reason, count in reasons.items():
        context.voice.remark(f"{count} rejected: {reason}")
    # a summary is said again by every later run, and goes without the reasons
    lost = f", {sum(reasons.values())} rejected" if reasons else ""
    return Outcome(
        f"{kept} polygons of {sum(1 for c in counts.values() if c['train'])} classes{lost}",
        {"classes": counts, "rejected": reasons, "folds": folds},
        (folder.table("polygons"), folder.table("rejected"), folder.split),
    )


def ground_of(context: Context) -> Ground:
    """The ground of the run, by the tiles that own it."""
    return Ground(context.coverage.grid, context.coverage.territories, context.ground)


def choices_of(context: Context) -> Choices:
    """How the polygons are divided, with the regions and the user's own split where the settings name them."""
    settings, truth = context.settings, context.truth
    regions = context.named_regions
    told = read_told(context.spark, truth, context.folder.scratch / "told") if truth.split_field else None
    return Choices(truth, settings.training.monitored_polygons, settings.seed, regions, told)


def _folds(context: Context, polygons: DataFrame) -> dict[str, int]:
    """Polygons of each fold; raises SitsparkError where there are fewer folds than are asked for."""
    truth, folds = context.truth, overview.folds(polygons)
    outside = folds.pop("", 0)
    if outside:
        context.voice.note(f"{counted(outside, 'polygon')} outside all regions: never left out by cross-validate")
    if truth.fold_count is not None and len(folds) < truth.fold_count:
        smaller = ", or ground_truth.block_size (--block-size)" if truth.block_size else ""
        raise SitsparkError(
            f"ground_truth.fold_count: the polygons fill {len(folds)} of {truth.fold_count} folds; lower it "
            f"(--fold-count){smaller}"
        )
    return folds


def _split_view(context: Context, polygons: DataFrame) -> SplitView:
    covered = context.coverage
    tiles: dict[str, list[Bounds]] = {}
    for territory in covered.territories:
        tiles.setdefault(territory.tile, []).append(covered.grid.cropped(territory.window).bounds)
    rows = overview.outlines(polygons, most=_DRAWN, tolerance=covered.grid.resolution)
    return SplitView(
        places=[Place(shapely.from_wkb(bytes(row.wkb)), row.set, row.fold) for row in rows],
        pieces=polygons.count(),
        amounts=[Amount(row.label, row.set, row.polygons, row.hectares) for row in overview.amounts(polygons)],
        tiles=tiles,
        compact=context.truth.folds in ("tile", "region"),
    )


def _without_numbers(reason: Column) -> Column:
    plain = F.regexp_replace(reason, r"feature \d+", "another feature")
    return F.regexp_replace(plain, r"label \d+ is not", "a label that is not")


def _class_counts(context: Context, polygons: DataFrame) -> dict[str, dict[str, int]]:
    """Polygons of each class by split, and those that choose the epoch, a part of those that train."""
    sets = ("train", "validation", "test", "buffer")
    rows = (
        polygons.select("polygon_id", "label", "split", "monitored")
        .distinct()
        .groupBy("label")
        .agg(*(F.count_if(F.col("split") == name).alias(name) for name in sets), F.count_if("monitored").alias("monitored"))
        .collect()
    )
    found = {row.label: row.asDict() for row in rows}
    empty = dict.fromkeys(("train", "monitored", "validation", "test", "buffer"), 0)
    return {str(code): {name: found.get(code, empty)[name] for name in empty} for code in context.nomenclature.codes}


def _listed(reasons: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in reasons.items())


def _observations(context: Context, key: str) -> Outcome:
    folder = context.folder
    grid, plan = context.coverage.grid, context.plan().cache()
    settings, seed = context.settings.samples, context.settings.seed
    grounds, rules = context.grounds, Rules.of(settings, context.nomenclature)
    refuse_unknown_models(context.settings, grounds.names)
    if settings.augmentation is not None and settings.augmentation.by_class is not None:
        # what can't be understood is told before anything is read
        counts_by_class(settings.augmentation.by_class, context.nomenclature, key="samples.augmentation.by_class")
    pieces = pieces_by_chunk(context.table("polygons"), plan, grid, shrink=settings.shrink).cache()
    labelled = pieces.select("chunk_id").distinct().count()
    clear = folder.scratch / "clear" if settings.min_clear_dates > 1 else None
    steps = 2 if clear is None else 3
    with context.marked("labelled pixels", steps * labelled, "steps of chunks") as marks:
        if clear is not None:
            shutil.rmtree(clear, ignore_errors=True)
            work = plan.join(pieces.select("chunk_id").distinct(), "chunk_id", "left_semi")
            scenes, tasks = folder.table("scenes"), min(max(labelled, 1), _TASKS)
            write_clear(work, scenes, context.reading, clear, least=settings.min_clear_dates, tasks=tasks, marks=marks)
        codes = context.nomenclature.codes
        choice = choose(pieces, grid, settings, rules=rules, codes=codes, seed=seed, marks=marks, clear=clear, grounds=grounds)
        chosen = choice.pixels.cache()
        chunks = chosen.select("chunk_id").distinct().count()
    pieces.unpersist()
    choice.release()
    _refuse_nothing_chosen(context, choice, chunks=chunks)
    selection = _selection(context, choice, rules)
    by_class = _by_class(context, selection)
    bare = [
        row.name + (f" in {row.ground}" if row.ground else "")
        for row in selection
        if row.split == "train" and not row.chosen and row.ground != NOBODYS
    ]
    if bare:
        context.voice.note(f"no pixel to learn from of {some(bare, most=5)}: never drawn; see samples and the table selection")
    if choice.contested:
        context.voice.note(f"{counted(choice.contested, 'pixel')} lie in polygons of two labels and are left out")
    with context.marked("observations", chunks, "chunks") as marks:
        observed = frames.observations(
            chosen,
            plan,
            folder.table("scenes"),
            context.reading,
            context.recipe,
            tasks=min(chunks, _TASKS),
            marks=marks,
            regions=context.regions_on_grid or None,
        )
        if context.truth.weight_field is not None:
            observed = frames.weighted(observed, context.table("polygons"))
        context.write("observations", observed, key=key)
    plan.unpersist()
    chosen.unpersist()
    columns = "ground string, label int, name string, split string, asked bigint, available bigint, chosen bigint"
    rows = context.spark.createDataFrame([astuple(row) for row in selection], columns)
    context.write("selection", rows.coalesce(1), key=key)
    pixels = {split: sum(row.chosen for row in selection if row.split == split) for split in CHOSEN}
    return Outcome(
        f"{sum(pixels.values()):,} of {sum(row.available for row in selection):,} labelled pixels read from {chunks:,} chunks "
        f"({pixels['train']:,} for training, {pixels['validation']:,} set aside)",
        {"pixels": pixels, "chunks": chunks, "contested": choice.contested, "selection": [asdict(row) for row in by_class]},
        (folder.table("observations"), folder.table("selection")),
    )


def _refuse_nothing_chosen(context: Context, choice: Choice, *, chunks: int) -> None:
    """Raise SitsparkError where no pixel was chosen, of no chunk, with the setting that may be why."""
    settings, per = context.settings.samples, context.settings.training.model_per
    if not any(quota.available for quota in choice.quotas.values()):
        if settings.min_clear_dates > 1:
            raise SitsparkError(
                f"samples.min_clear_dates: no labelled pixel has {settings.min_clear_dates} clear dates; lower it "
                f"({context.folder.calendar} shows how many acquisitions there are)"
            )
        shrunk = f", less {settings.shrink:g} m at its edge (samples.shrink)," if settings.shrink else ""
        raise SitsparkError(
            f"ground_truth.file: no polygon{shrunk} "
            "holds the centre of a pixel; the polygons are too small for this resolution (ground_truth.point_buffer widens "
            "points, samples.touched takes pixels that are partly inside)"
        )
    if per != "map" and not any(quota.available for group, quota in choice.quotas.items() if group.ground != NOBODYS):
        raise SitsparkError(
            f"training.model_per {per}: no labelled pixel lies in any {per}; compare them with the polygons, or set map"
        )
    if chunks == 0:
        raise SitsparkError("samples: no pixel of any class is asked for; raise the numbers of samples.by_class")


@dataclass(frozen=True, slots=True)
class Selected:
    """Pixels of a class in one set on the ground of a model (null: all of it): asked for (null: all), there, and taken."""

    ground: str | None
    label: int
    name: str
    split: str
    asked: int | None
    available: int
    chosen: int


def _selection(context: Context, choice: Choice, rules: Rules) -> list[Selected]:
    """What was asked for, there and taken of each ground, class and set; a row too for a class without a pixel."""
    whole = context.settings.training.ground_column is None
    rows = []
    for ground in sorted({group.ground for group in choice.quotas}):
        takes_all = rules.on(ground).strategy.name == "all"
        for known in context.nomenclature:
            for split in CHOSEN:
                quota = choice.quotas.get(Group(known.code, split, ground), Quota(0, 0))
                asked = None if takes_all else quota.asked
                place = None if whole else ground
                rows.append(Selected(place, known.code, known.name, split, asked, quota.available, quota.wanted))
    return rows


def _by_class(context: Context, selection: Sequence[Selected]) -> list[Selected]:
    """The same of all grounds together."""
    found = []
    for known in context.nomenclature:
        for split in CHOSEN:
            own = [row for row in selection if (row.label, row.split) == (known.code, split)]
            numbers = [row.asked for row in own if row.asked is not None]
            asked = sum(numbers) if len(numbers) == len(own) else None
            available, taken = sum(row.available for row in own), sum(row.chosen for row in own)
            found.append(Selected(None, known.code, known.name, split, asked, available, taken))
    return found


def _samples(context: Context, key: str) -> Outcome:
    recipe, settings = context.recipe, context.settings
    space = recipe.space
    observed, least = context.table("observations"), settings.samples.min_clear_dates
    if settings.training.monitor_by == "pixel":
        observed = monitor_pixels(observed, share=settings.training.monitor_share, seed=settings.seed)
    with context.marked("samples", sum(context.facts("observations")["pixels"].values()), "pixels") as marks:
        context.write("samples", frames.samples(observed, recipe, made_with=key, marks=marks, least=least), key=key)
    table = context.table("samples")
    rows = table.groupBy("label", "split", "monitored").count().collect()
    pixels: dict[str, dict[str, int]] = {
        str(code): {"train": 0, "monitored": 0, "validation": 0, "children": 0, "dropped": 0}
        for code in context.nomenclature.codes
    }
    for row in rows:
        pixels[str(row.label)][row.split] += row["count"]
        if row.monitored:
            pixels[str(row.label)]["monitored"] += row["count"]
    unseen = sum(context.facts("observations")["pixels"].values()) - sum(row["count"] for row in rows)
    if unseen:
        of = " of every sensor" if len(space.sensors) > 1 else ""
        few = f"fewer than {least} clear dates" if least > 1 else f"no clear date{of}"
        context.voice.note(f"{unseen} labelled pixels have {few} and are left out")
    outputs: tuple[Path, ...] = (context.folder.table("samples"),)
    told, doubtful, shown = "", list[dict[str, Any]](), shown_series(space)
    asked = {"series": shown, "quality": settings.samples.quality, "children": settings.samples.augmentation}
    for name in (name for name, what in asked.items() if what is None):  # of other settings
        shutil.rmtree(context.folder.table(name), ignore_errors=True)
    if shown is not None:
        context.write("series", series_by_class(table, shown, seed=settings.seed), key=key)
        outputs = (*outputs, context.folder.table("series"))
    if settings.samples.quality is not None:
        judged = judge_samples(context, table, settings.samples.quality, key=key)
        told, doubtful = judged.summary, judged.doubtful
        for label, count in judged.dropped.items():
            pixels[str(label)]["dropped"] = count
        outputs = (*outputs, context.folder.table("quality"))
        table = kept_of(table, context.table("quality"))
    if settings.samples.augmentation is not None:
        for label, count in _make_children(context, table, settings.samples.augmentation, key=key).items():
            pixels[str(label)]["children"] = count
        made = sum(of["children"] for of in pixels.values())
        told = f"{told}, and {made} made of them ({settings.samples.augmentation.method})"
        outputs = (*outputs, context.folder.table("children"))
    return Outcome(
        f"{sum(row['count'] for row in rows):,} samples of {len(space)} features ({space}){told}",
        {"classes": pixels, "features": len(space), "doubtful": doubtful},
        outputs,
    )


def _make_children(context: Context, table: DataFrame, settings: AugmentationSettings, *, key: str) -> dict[int, int]:
    """Write the table of children; gives their numbers by class."""
    least = {}
    if settings.by_class is not None:
        least = counts_by_class(settings.by_class, context.nomenclature, key="samples.augmentation.by_class")
    ground = context.settings.training.ground_column
    wanted = wanted_children(fitted_by_group(table, ground), settings, least)
    context.write("children", children(table, wanted, settings, seed=context.settings.seed, ground=ground), key=key)
    found: dict[int, int] = {}
    for group, count in wanted.items():
        found[group.label] = found.get(group.label, 0) + count
    return found


def _chunks_inputs(context: Context) -> Any:
    settings, size = context.settings, context.settings.grid.chunk_size
    custom = settings.custom_features
    # as many bytes as a chunk may take, and what it takes them for
    if size is not None:
        return size
    # of features that are written a chunk holds all
    held = _features_inputs(context) if "features" in settings.map.products else None
    return [settings.spark.worker_memory, settings.grid.overlap, custom.padding if custom else 0, held]


def _ground_truth_inputs(context: Context) -> Any:
    settings, truth = context.settings, context.truth
    return [
        truth.model_dump(mode="json"),
        settings.training.monitored_polygons,
        settings.seed,
        [[c.code, c.name] for c in context.nomenclature],
        fingerprint([file for file in (truth.file, truth.regions) if file]),
    ]


def _observations_inputs(context: Context) -> Any:
    settings, ground = context.settings, context.settings.training.ground_column
    own = settings.samples.per_model
    return [
        settings.samples.model_dump(mode="json", exclude={"augmentation", "quality", "per_model"}),
        fingerprint([settings.samples.by_class]) if isinstance(settings.samples.by_class, Path) else None,
        # the pixels of each model are chosen by themselves
        *([ground, _own_rules(own)] if ground else []),
        _CHOICE_VERSION,
        settings.seed,
        settings.grid.interpolator,
        # samples of tiles whose maps are blended are those of the owner
        "merge" if settings.grid.overlap == "merge" else "owner",
        [[sensor.name, sensor.selection.layout.day] for sensor in context.sensors],
        # what the user's functions see around a pixel is read here, and computed
        _features_inputs(context) if settings.custom_features and settings.custom_features.padding else None,
        # not its name, which only the features have
        [[layer.band, layer.interpolator, layer.fill, state_of(layer)] for layer in layers_of(settings.features.static)],
    ]


def _own_rules(own: Mapping[str, SelectionSettings]) -> Any:
    files = [rule.by_class for rule in own.values() if isinstance(rule.by_class, Path)]
    return [{name: rule.model_dump(mode="json") for name, rule in own.items()}, fingerprint(files)]


def _features_inputs(context: Context) -> Any:
    settings = context.settings
    return [
        settings.time_series.model_dump(mode="json"),
        settings.features.model_dump(mode="json"),
        [own.model_dump(mode="json", include=OF_SERIES) for own in settings.series],
        context.custom_functions.sha256 if context.custom_functions else None,
        # of what the user's functions see around a pixel the observations hold features
        [KERNEL_VERSION, RECIPE_VERSION],
    ]


def _samples_inputs(context: Context) -> Any:
    settings = context.settings
    augmentation, judged = settings.samples.augmentation, settings.samples.quality
    return [
        *_features_inputs(context),
        settings.samples.min_clear_dates,
        settings.training.monitor_share if settings.training.monitor_by == "pixel" else None,
        settings.seed,
        judged.model_dump(mode="json") if judged else None,
        [augmentation.model_dump(mode="json"), settings.training.ground_column] if augmentation else None,
        fingerprint([augmentation.by_class]) if augmentation and isinstance(augmentation.by_class, Path) else None,
    ]


# of observations, wherever they come from
SAMPLES = Stage("samples", ("observations",), KERNEL_VERSION, _samples_inputs, _samples)

STAGES = (
    Stage("chunks", ("scenes",), 4, _chunks_inputs, _chunks),
    Stage("ground_truth", ("scenes",), 6, _ground_truth_inputs, _ground_truth),
    Stage("observations", ("scenes", "ground_truth"), READER_VERSION, _observations_inputs, _observations, through=("chunks",)),
    SAMPLES,
)
