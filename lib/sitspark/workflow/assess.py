"""The stages that say how good a map is: validate and report."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow.parquet as pq
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sitspark.accuracy import figures
from sitspark.accuracy.accuracy_by import (
    CLEAR_DATES,
    REGION,
    TILE,
    GroupAccuracy,
    accuracy_by,
    kinds_of,
)
from sitspark.accuracy.accuracy_by_figure import accuracy_by_figure
from sitspark.accuracy.assessment import Assessment, metrics_json
from sitspark.accuracy.cross_validation import Spread
from sitspark.accuracy.evidence import Evidence, MappedGround, evidence_of
from sitspark.accuracy.fold_maps import FoldMapsView, ShownPlace
from sitspark.accuracy.fold_scores import FoldScores
from sitspark.accuracy.map_confusion import map_confusion
from sitspark.accuracy.matrix import ConfusionMatrix
from sitspark.accuracy.report import (
    MOST_PRODUCTS,
    ClassSamples,
    DoubtfulPolygon,
    MapView,
    ProductLeftOut,
    ProductsLeftOut,
    Rejection,
    Report,
    SampleCount,
    StageTime,
    Training,
    render,
)
from sitspark.accuracy.score_tables import accuracy_by_csv, area_estimates_csv, class_scores_csv
from sitspark.accuracy.search_figure import SearchView, TriedModel, spans_orders
from sitspark.accuracy.series_figure import ClassSeries, SeriesView, series_figure
from sitspark.accuracy.training_distance import kilometres_to_training
from sitspark.accuracy.unit_counts import UnitCounts
from sitspark.atomic import publish, write_atomically
from sitspark.errors import counted
from sitspark.grid import Grid
from sitspark.ground_truth.division import blocks_of
from sitspark.ground_truth.regions import with_region
from sitspark.maps.areas import AREAS, MAP, pixel_hectares, read_csv
from sitspark.maps.class_raster import ClassRaster
from sitspark.maps.disagreement import PICTURE, RASTER
from sitspark.maps.seams import Seam
from sitspark.models.card import HISTORY, ModelCard, read_card
from sitspark.models.doubt import doubt
from sitspark.models.history import read_history
from sitspark.models.search import TRIALS
from sitspark.samples.pieces import pieces_by_chunk
from sitspark.settings import TrainingSettings
from sitspark.settings.search import Range, candidates
from sitspark.workflow.applicability import applicability_of
from sitspark.workflow.context import Context
from sitspark.workflow.imagery import calendar_of
from sitspark.workflow.members import PlannedModel, models_of
from sitspark.workflow.places import places_on
from sitspark.workflow.run_folder import StageRecord, versions
from sitspark.workflow.stage import Outcome, Stage
from sitspark.workflow.trust import confidence_of, needs_of

_SET_ASIDE, _TEST = "set_aside", "test"  # areas of the confusion table


def _validate(context: Context, key: str) -> Outcome:
    folder = context.folder
    of_map = folder.path / context.facts("mosaic")["map"]
    drawn, areas = (of_map / context.facts("regularise")[name] for name in ("map", "areas"))
    grid = context.coverage.grid
    pieces = pieces_by_chunk(context.table("polygons"), context.table("chunks"), grid).cache()
    with context.marked("validate", pieces.select("chunk_id").distinct().count(), "chunks") as marks:
        touched, measures = context.settings.samples.touched, {CLEAR_DATES: of_map / "validity.tif"}
        compared = map_confusion(pieces, grid, drawn, touched=touched, marks=marks, measures=measures).cache()
        table = _by_polygon(context, compared, context.facts("train")["model_id"])
        context.write("confusion_polygons", table.coalesce(1), key=key)
    groups = _accuracy_by(context, compared)
    compared.unpersist()
    pieces.unpersist()
    context.write("accuracy_by", _groups_table(context, groups), key=key)
    context.write("confusion", _confusion_table(context.table("confusion_polygons")).coalesce(1), key=key)
    rows = context.table("confusion_polygons").toPandas()
    ground = _mapped_ground(areas, grid)
    found = {area: _assess(context, rows[rows["area"] == area], ground) for area in (_SET_ASIDE, _TEST)}
    unclassified = int(rows.loc[rows["predicted"] == 0, "pixels"].sum())
    if unclassified:
        of = " of every sensor" if len(context.sensors) > 1 else ""
        blind = counted(unclassified, "validation pixel")
        context.voice.note(f"{blind} without a clear date{of}: not classified, and not counted")
    assessment = found[_SET_ASIDE]
    test = found[_TEST] if (rows["area"] == _TEST).any() else None
    written = _write_numbers(context, assessment, test, groups)
    more = "" if test is None else f"; {_scores_in_words(test)} kept for testing"
    return Outcome(
        f"{_scores_in_words(assessment)} set aside{more}",
        _facts(assessment)
        | {"accuracy_by": [group.to_facts() for group in groups]}
        | ({} if test is None else {"test": _facts(test)}),
        (*(folder.table(name) for name in ("confusion", "confusion_polygons", "accuracy_by")), *written),
    )


def _by_polygon(context: Context, compared: DataFrame, model_id: str) -> DataFrame:
    """The pixels of each polygon by class of the map, with the block that the polygon lies in where there are blocks."""
    counts = compared.groupBy("area", "polygon_id", "reference", "predicted").agg(F.sum("pixels").alias("pixels"))
    return (
        with_block(context, counts)
        .select(F.lit(model_id).alias("map"), "area", "polygon_id", "block", "reference", "predicted", "pixels")
        .orderBy("area", "polygon_id", "reference", "predicted")
    )


def with_block(context: Context, counts: DataFrame) -> DataFrame:
    """Add block, that which a polygon lies in; null where the ground truth has none."""
    size = context.truth.block_size if context.settings.observations is None else None
    if size is None:
        return counts.withColumn("block", F.lit(None).cast("string"))
    blocks = blocks_of(context.table("polygons"), size)
    return counts.join(blocks.select("polygon_id", "block").distinct(), "polygon_id")


def _confusion_table(by_polygon: DataFrame) -> DataFrame:
    return (
        by_polygon.groupBy("map", "area", "reference", "predicted")
        .agg(F.sum("pixels").alias("pixels"), F.count("*").alias("polygons"))
        .orderBy("area", "reference", "predicted")
    )


def _accuracy_by(context: Context, compared: DataFrame) -> tuple[GroupAccuracy, ...]:
    """The accuracy of classified pixels set aside by what they have in common."""
    grid, regions = context.coverage.grid, context.named_regions
    right = (F.col("reference") == F.col("predicted")).alias("right")
    counts = (
        compared.where((F.col("area") == _SET_ASIDE) & (F.col("predicted") != 0))
        .groupBy("polygon_id", TILE, CLEAR_DATES, right)
        .agg(F.sum("pixels").alias("pixels"))
        .toPandas()
        .join(kilometres_to_training(context.folder.table("polygons"), grid.crs), on="polygon_id")
    )
    if regions:
        pieces = context.table("polygons").where("split = 'validation'").select("polygon_id", "geometry")
        held = with_region(pieces, regions, crs=grid.crs, whole=("polygon_id",)).select("polygon_id", REGION).distinct()
        counts = counts.merge(held.toPandas(), "left", on="polygon_id")
    return accuracy_by(counts, seed=context.settings.seed)


def _groups_table(context: Context, groups: Sequence[GroupAccuracy]) -> DataFrame:
    columns = (
        "kind string, name string, lower double, upper double, pixels bigint, correct bigint, polygons bigint, "
        "accuracy double, low double, high double"
    )
    return context.spark.createDataFrame([tuple(group.to_facts().values()) for group in groups], columns).coalesce(1)


def _mapped_ground(areas: Path, grid: Grid) -> MappedGround:
    """What the map that is judged gives to each class, from the file of areas beside it."""
    pixels = {area.code: area.pixels for ground in read_csv(areas) if ground.kind == MAP for area in ground.classes}
    return MappedGround(pixels, pixel_hectares(grid))


def _assess(context: Context, rows: pd.DataFrame, ground: MappedGround) -> Assessment:
    codes, settings = context.nomenclature.codes, context.settings
    columns = [rows[name].to_numpy() for name in ("reference", "predicted", "pixels")]
    counts = UnitCounts(rows["polygon_id"].to_numpy(), *columns)
    blocks = None if context.truth.block_size is None else UnitCounts(rows["block"].to_numpy(str), *columns)
    classified = rows[rows["predicted"] != 0].groupby("reference")["polygon_id"].nunique()
    return Assessment(
        counts.matrix(codes),
        {code: int(classified.get(code, 0)) for code in codes},
        evidence_of(counts, codes, blocks=blocks, ground=ground, design=settings.accuracy.design, seed=settings.seed),
    )


def _write_numbers(
    context: Context, assessment: Assessment, test: Assessment | None, groups: Sequence[GroupAccuracy]
) -> list[Path]:
    """All numbers as JSON and CSV, and the figures; gives their paths."""
    folder, nomenclature = context.folder.accuracy, context.nomenclature
    metrics = metrics_json(nomenclature, assessment=assessment, test=test, groups=groups)
    sets = {_SET_ASIDE: metrics["assessment"]} | ({} if test is None else {_TEST: metrics["test"]})
    texts = {
        "metrics.json": json.dumps(metrics, indent=2, ensure_ascii=False),
        "class_scores.csv": class_scores_csv(sets),
        "area_estimates.csv": area_estimates_csv(sets),
        "accuracy_by.csv": accuracy_by_csv(groups),
    }
    for one, end in ((assessment, ""), (test, "_test")):
        if one is not None and one.evidence is not None:
            texts[f"confusion_map{end}.csv"] = one.matrix.to_csv()
            texts[f"confusion_polygons{end}.csv"] = one.evidence.majority.matrix.to_csv()
            if one.evidence.pixel_hectares is not None:
                texts[f"confusion_hectares{end}.csv"] = one.matrix.hectares_csv(one.evidence.pixel_hectares)
    for name, text in texts.items():
        write_atomically(folder / name, text)
    pictures = {
        "confusion_map.png": figures.confusion_matrix_figure(assessment.matrix, nomenclature),
        "class_scores.png": figures.class_scores_figure(
            assessment.matrix, nomenclature, intervals=assessment.evidence.by_polygon.f_score if assessment.evidence else ()
        ),
    }
    if kinds_of(groups):
        pictures["accuracy_by.png"] = accuracy_by_figure(groups, assessment.matrix.overall_accuracy)
    for name, picture in pictures.items():
        publish(folder / name, picture)
    return [folder / name for name in (*texts, *pictures)]


def _scores_in_words(assessment: Assessment) -> str:
    matrix, polygons = assessment.matrix, counted(sum(assessment.polygons.values()), "polygon")
    scores = (matrix.overall_accuracy, matrix.kappa, matrix.mean_f_score)
    named = ", ".join(f"{name} {score(value)}" for name, value in zip(("OA", "kappa", "mean F"), scores, strict=True))
    return f"{named} on all {matrix.total:,} pixels of {polygons}"


def _facts(assessment: Assessment) -> dict[str, Any]:
    evidence = assessment.evidence and assessment.evidence.to_facts()
    return {"matrix": assessment.matrix.to_json(), "polygons": dict(assessment.polygons), "evidence": evidence}


def score(value: float | None) -> str:
    """A score with three digits; a dash where it is undefined."""
    return "-" if value is None else f"{value:.3f}"


def spread_in_words(found: Spread | None, of: Literal["deviation", "half_width"] = "deviation") -> str:
    """A mean ± its deviation, or half of its interval; a dash where there is none."""
    return "-" if found is None else f"{found.mean:.3f} ± {score(getattr(found, of))}"


def write_report(context: Context, done: dict[str, StageRecord]) -> Outcome:
    """Sum up whatever stages are done."""
    facts = {name: record.facts for name, record in done.items()}
    with context.voice.bar("report", 2, "figures") as update:
        map_view = _map_view(context, facts)
        update(1, "map")
        trainings = tuple(_training(context, one) for one in models_of(facts["train"])) if "train" in done else ()
        update(2, "training")
    report = Report(
        title=f"Land cover {context.period.first.year}" if context.acquired else "Land cover",
        created=datetime.now(UTC),
        run=_run_in_words(context, done),
        nomenclature=context.nomenclature,
        settings=context.settings.model_dump(mode="json"),
        versions=versions(),
        not_carried_over=context.folder.not_carried_over(),
        assessment=assessment_of(facts),
        test=test_of(facts),
        groups=groups_of(facts),
        map=map_view,
        seam=_seam(facts, "mosaic"),
        final_seam=_seam(facts, "regularise"),
        trainings=trainings,
        search=_search(context, facts["train"]) if "train" in done else None,
        confidence=confidence_of(facts),
        needs=needs_of(context, facts),
        applicability=applicability_of(facts),
        samples=_samples(facts),
        split=context.folder.split.read_bytes() if "ground_truth" in done else None,
        series=_series(context) if "samples" in done and "series" in context.folder.tables() else None,
        doubtful=tuple(DoubtfulPolygon(**polygon) for polygon in facts.get("samples", {}).get("doubtful", ())),
        folds=folds_of(facts),
        fold_maps=_fold_maps(context, facts),
        calendar=calendar_of(context) if "calendar" in done else None,
        products_left_out=_products_left_out(context) if "scenes" in done else ProductsLeftOut(),
        rejected=tuple(Rejection(r, n) for r, n in facts.get("ground_truth", {}).get("rejected", {}).items()),
        stages=tuple(StageTime(name, record.seconds, record.peak_mb) for name, record in done.items() if record.is_work),
    )
    page = context.folder.report
    write_atomically(page, render(report))
    outputs = (page, context.folder.series) if report.series else (page,)
    return Outcome(f"{page.stat().st_size // 1024} kB at {page}", {}, outputs)


def _map_view(context: Context, facts: dict[str, dict[str, Any]]) -> MapView | None:
    """The map as it is after all that is done, as far as the run has come."""
    if "mosaic" not in facts:
        return None
    final = facts.get("regularise", {"map": "classification.tif", "areas": AREAS})
    folder = context.folder.path / facts["mosaic"]["map"]
    return MapView.read(
        folder, file=final["map"], areas=final["areas"], places=places_on(context, ClassRaster.of(folder / final["map"]).grid)
    )


def assessment_of(facts: dict[str, dict[str, Any]]) -> Assessment | None:
    """The assessment that the stage validate left, if it is done."""
    return _assessment_from(facts.get("validate"))


def test_of(facts: dict[str, dict[str, Any]]) -> Assessment | None:
    """The assessment with polygons that the user keeps for testing, if there are some and the stage validate is done."""
    return _assessment_from(facts.get("validate", {}).get("test"))


def groups_of(facts: dict[str, dict[str, Any]]) -> tuple[GroupAccuracy, ...]:
    """The accuracy by what pixels have in common that the stage validate left, if it is done."""
    return tuple(GroupAccuracy.from_facts(group) for group in facts.get("validate", {}).get("accuracy_by", ()))


def _assessment_from(facts: dict[str, Any] | None) -> Assessment | None:
    if facts is None:
        return None
    polygons = {int(code): count for code, count in facts["polygons"].items()}
    evidence = facts["evidence"] and Evidence.from_facts(facts["evidence"])
    return Assessment(ConfusionMatrix.from_json(facts["matrix"]), polygons, evidence)


def folds_of(facts: dict[str, dict[str, Any]]) -> tuple[FoldScores, ...]:
    """The folds that the stage cross_validate left, if it is done."""
    found = facts.get("cross_validate", {}).get("folds", [])
    return tuple(FoldScores.from_facts(number, fold) for number, fold in enumerate(found, 1))


def _fold_maps(context: Context, facts: dict[str, dict[str, Any]]) -> FoldMapsView | None:
    """What the page shows of the maps of the folds, if they are drawn."""
    found = facts.get("fold_maps")
    if found is None:
        return None
    folder = context.folder.path / found["folder"]
    places = (
        ShownPlace(name, f"{found['folder']}/{one['file']}", (folder / one["file"]).read_bytes(), one["disputed"])
        for name, one in found["places"].items()
    )
    left_out = tuple(one["left_out"] for one in found["maps"])
    return FoldMapsView(
        left_out, (folder / PICTURE).read_bytes(), tuple(found["pixels"]), tuple(places), f"{found['folder']}/{RASTER}"
    )


def _run_in_words(context: Context, done: dict[str, StageRecord]) -> dict[str, str]:
    words = _imagery_in_words(context, done["scenes"]) if "scenes" in done else {"table": done["observations"].summary}
    if context.acquired:
        words["period"] = _period_in_words(context)
    words["features"] = f"{len(context.feature_space)}: {context.feature_space}"
    if "train" in done:
        words["model"] = done["train"].summary
    return words


def _imagery_in_words(context: Context, scenes: StageRecord) -> dict[str, str]:
    covered = context.coverage
    return {
        "imagery": f"{counted(scenes.facts['products'], 'product')} of {counted(len(covered.tiles), 'tile')} "
        f"({', '.join(covered.tiles)}), {_archives_in_words(context)}",
        "grid": f"{covered.grid.width} x {covered.grid.height} pixels of {covered.grid.resolution:g} m, {covered.grid.crs}",
    }


def _archives_in_words(context: Context) -> str:
    return ", ".join(f"{sensor.settings.layout} ({sensor.name})" for sensor in context.sensors)


def _period_in_words(context: Context) -> str:
    period = context.period
    dates = sorted({f"{sensor.grid} ({sensor.filler.name})" for sensor in context.feature_space.sensors})
    return f"{period.first} to {period.last}, values {' or '.join(dates)}"


def _seam(facts: dict[str, dict[str, Any]], stage: str) -> Seam | None:
    found = facts.get(stage, {}).get("seam")
    return Seam.from_facts(found) if found else None


def _training(context: Context, model: PlannedModel) -> Training:
    folder = context.folder.model(model.model_id)
    history = pd.read_parquet(folder / HISTORY)
    card = read_card(folder)
    against = doubt(card, read_history(folder / HISTORY))
    if card.training.baseline is not None:
        return Training(card.model_id, history, card.best_epoch, card.criterion, _fitted_in_words(card), against)
    publish(folder / "training.png", figures.training_figure(history, card.best_epoch))
    return Training(card.model_id, history, card.best_epoch, context.settings.training.criterion, doubt=against)


def _search(context: Context, facts: dict[str, Any]) -> SearchView | None:
    settings = context.settings.training.search
    if settings is None:
        return None
    # of several models each is the best of a search of its own
    folder = context.folder.model(models_of(facts)[0].model_id)
    rows = pq.read_table(folder / TRIALS).drop_columns(["model_id", "left_out_fold", "folder"]).to_pylist()
    trials = tuple(TriedModel(number=row.pop("trial"), values=json.loads(row.pop("parameters")), **row) for row in rows)
    tried = candidates(settings, TrainingSettings).items()
    logarithmic = {key for key, one in tried if (one.log if isinstance(one, Range) else spans_orders(one.values))}
    return SearchView(read_card(folder).criterion, trials, frozenset(logarithmic))


def _fitted_in_words(card: ModelCard) -> str:
    figures_ = (card.metrics.oa, card.metrics.kappa, card.metrics.fscore, card.metrics.validation_loss)
    named = ", ".join(f"{name} {score(value)}" for name, value in zip(("OA", "kappa", "mean F", "loss"), figures_, strict=True))
    return (
        f"{card.network.name}, {card.network.parameters:,} numbers fitted in {card.metrics.seconds:.0f} s{card.subsampled}. "
        f"On the monitored samples: {named}."
    )


def _samples(facts: dict[str, dict[str, Any]]) -> tuple[ClassSamples, ...]:
    # where there is no imagery the table of samples says which polygons there are
    divided = facts.get("ground_truth") or facts.get("observations")
    if "samples" not in facts or divided is None:
        return ()
    polygons, pixels = divided["classes"], facts["samples"]["classes"]

    def count(code: str, name: str) -> SampleCount:
        own = polygons[code][name] - (polygons[code]["monitored"] if name == "train" else 0)
        taken = pixels[code][name] - (pixels[code]["monitored"] if name == "train" else 0)
        return SampleCount(own, taken)

    return tuple(
        ClassSamples(
            int(code),
            count(code, "train"),
            count(code, "monitored"),
            count(code, "validation"),
            children=pixels[code]["children"],
            dropped=pixels[code]["dropped"],
        )
        for code in polygons
    )


def _series(context: Context) -> SeriesView:
    rows = context.table("series").orderBy("label").collect()
    sensor = f" ({rows[0].sensor})" if len(context.feature_space.sensors) > 1 else ""
    classes = [ClassSeries(row.label, row.samples, tuple(row.mean), tuple(row.low), tuple(row.high)) for row in rows]
    view = SeriesView(f"{rows[0].quantity}{sensor}", rows[0].dates, classes)
    publish(context.folder.series, series_figure(view, context.nomenclature))
    return view


def _products_left_out(context: Context) -> ProductsLeftOut:
    missing = context.table("scenes").where("left_out is not null")
    rows = missing.orderBy("scene_id").limit(MOST_PRODUCTS).select("scene_id", "tile", "problem").collect()
    return ProductsLeftOut(tuple(ProductLeftOut(row.scene_id, row.tile, row.problem) for row in rows), missing.count())


def _validate_inputs(context: Context) -> Any:
    return [context.settings.accuracy.model_dump(mode="json"), context.settings.seed]


STAGES = (Stage("validate", ("ground_truth", "regularise"), 6, _validate_inputs, _validate, through=("chunks",)),)
