"""`sitspark validate MAP POLYGONS`: any map of classes compared with polygons or points of any file."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.sql import SparkSession
from rich.console import Console
from rich.markup import escape

from sitspark.accuracy.area_estimates import ASSUMPTIONS, Design
from sitspark.accuracy.assessment import Assessment, metrics_json
from sitspark.accuracy.class_pixels import blocks_of, class_pixels
from sitspark.accuracy.evidence import Evidence, MappedGround, evidence_of
from sitspark.accuracy.score_tables import area_estimates_csv
from sitspark.accuracy.text import accuracy_table, area_table, estimate_in_words, sure_in_words
from sitspark.accuracy.unit_counts import UnitCounts
from sitspark.atomic import publish, write_atomically
from sitspark.classes import Nomenclature, read_names
from sitspark.errors import SitsparkError, counted, some
from sitspark.maps.areas import has_pixels_of_one_size, pixel_hectares
from sitspark.maps.class_names import names_beside
from sitspark.maps.class_raster import NOTHING, ClassRaster
from sitspark.maps.mapping import read_mapping
from sitspark.marks import Marks
from sitspark.workflow.given_map import given_map, run_around
from sitspark.workflow.progress import Voice
from sitspark.workflow.reference import ReferenceFile, counted_pixels, nomenclature_of, read_reference, work

_CLASS_COLUMNS = [
    "code", "name", "precision", "recall", "f_score", "reference_pixels", "produced_pixels", "reference_polygons"
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Validation:
    """What is asked: `map` is a raster of classes, or the folder of a run.

    `mapping` is a file of the map's codes, `nodata` a value of no class, `output` a folder to write to. `design` is how the
    reference was drawn, None: no areas are asked for; `seed` is that of the bootstrap.
    """

    map: Path
    reference: ReferenceFile
    mapping: Path | None = None
    nodata: float | None = None
    output: Path | None = None
    design: Design | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Validated:
    """How good a map is on reference polygons, and what isn't counted of them; `rejected`: see Reference."""

    asked: Validation
    assessment: Assessment
    nomenclature: Nomenclature
    notes: tuple[str, ...]
    rejected: pd.DataFrame

    def document(self) -> dict[str, Any]:
        """The content of metrics.json: as that of a run, and which files were compared."""
        metrics = metrics_json(self.nomenclature, assessment=self.assessment)
        compared = {"map": str(self.asked.map), "reference": self.asked.reference.source.address}
        return compared | metrics | {"notes": list(self.notes)}


def validate_map(asked: Validation, console: Console) -> Validated:
    """Compare with a session of its own, and write what was found where that is asked for.

    Raises SitsparkError for what can't be compared, with file, layer or field.
    """
    given = given_map(asked.map)
    # the codes of a mapping are those of other classes than the run's
    usual = None if asked.mapping else given.nomenclature
    beside = {} if asked.mapping else names_beside(given.raster, note=Voice(console).note)
    reference = replace(asked.reference, nomenclature=asked.reference.nomenclature or usual, names=beside)
    asked = replace(asked, map=given.raster, reference=reference)
    names = read_names(reference.nomenclature) if reference.nomenclature else None
    mapping = read_mapping(asked.mapping, names) if asked.mapping else None
    raster = ClassRaster.of(asked.map, nodata=asked.nodata, mapping=mapping)
    with work(asked.output) as (spark, scratch):
        validated = compared(spark, asked, raster, scratch, Voice(console))
    if asked.output is not None:
        write(validated, asked.output)
    return validated


def compared(spark: SparkSession, asked: Validation, raster: ClassRaster, scratch: Path, voice: Voice) -> Validated:
    """Compare a map with the reference; `scratch` takes what is found on the way."""
    with voice.console.status("reading the reference"):
        reference = read_reference(spark, asked.reference, raster.grid, scratch)
    counts = counted_pixels(
        reference.pieces, raster.grid, {"predicted": raster}, scratch, voice, touched=asked.reference.touched
    )
    classified = counts[counts["predicted"] != NOTHING]
    notes = [*_learnt_from(asked), *reference.remarks, *_pixel_notes(counts, reference.polygons)]
    if classified.empty:
        raise SitsparkError(
            f"{asked.map}: has no class at any pixel of {counted(reference.polygons, 'polygon')} of "
            f"{asked.reference.source.address}: {some(notes, separator='; ')}"
        )
    notes += class_notes(classified["reference"], classified["predicted"], classified["pixels"], reference.names)
    columns = ("polygon_id", "reference", "predicted", "pixels")
    units = UnitCounts(*(classified[column].to_numpy() for column in columns))
    ground = _ground(spark, raster, scratch, voice) if asked.design else None
    # a class of the map that no reference lies in is a part of the map, which isn't assessed
    codes = {*units.reference.tolist(), *units.produced.tolist(), *(ground.pixels if ground else ())}
    matrix = units.matrix(tuple(sorted(codes)))
    # a polygon has one class
    of_class = classified.drop_duplicates("polygon_id")["reference"]
    evidence = evidence_of(
        units,
        matrix.codes,
        blocks=None,
        ground=ground,
        design=asked.design or "polygons",
        seed=asked.seed,
    )
    assessment = Assessment(matrix, Counter(of_class.tolist()), evidence)
    return Validated(asked, assessment, nomenclature_of(reference.names), tuple(notes), reference.rejected)


def _ground(spark: SparkSession, raster: ClassRaster, scratch: Path, voice: Voice) -> MappedGround | None:
    """What the map gives to each class; None of a map whose pixels aren't of one size on the ground, as one in degrees."""
    if not has_pixels_of_one_size(raster.grid):
        voice.note(
            f"no areas are estimated: pixels of a map in {raster.grid.crs} are not of one size on the ground; gdalwarp it to a "
            "CRS of equal areas, or to its UTM zone"
        )
        return None
    marks = Marks(scratch / "counted")
    marks.folder.mkdir(parents=True)
    with voice.watch("areas", blocks_of(raster), "blocks", marks.total):
        return MappedGround(class_pixels(spark, raster, marks), pixel_hectares(raster.grid))


def _learnt_from(asked: Validation) -> list[str]:
    """A sentence on a map of a run that is compared with the very file that the run has learnt from."""
    run = run_around(asked.map)
    file = run.settings().get("ground_truth", {}).get("file") if run else None
    if file is None or Path(file).resolve() != Path(asked.reference.source.address).resolve():
        return []
    return [
        "the map was made from polygons of this file: those that it learnt from count here too; sitspark validate SETTINGS "
        "counts those set aside"
    ]


def class_notes(reference: pd.Series, produced: pd.Series, pixels: pd.Series, names: Mapping[int, str]) -> list[str]:
    """Sentences on classes that only the map has, and only the reference, among the pixels compared."""
    known, given = set(reference.unique().tolist()), set(produced.unique().tolist())
    notes = []
    if given - known:
        wrong = counted(int(pixels[~produced.isin(known)].sum()), "pixel")
        classes = some(map(str, sorted(given - known)), most=10)
        notes.append(
            f"{wrong} of map codes that no reference has here ({classes}): counted as wrong; --mapping gives them another "
            "code, or leaves them out"
        )
    if known - given:
        missed = counted(int(pixels[~reference.isin(given)].sum()), "pixel")
        classes = some((names.get(code, str(code)) for code in sorted(known - given)), most=10)
        most = pixels[~reference.isin(given)].sum() > pixels.sum() / 2
        doubt = "; most of all are: is --label-field the field of the class?" if most else ""
        notes.append(
            f"{missed} of reference classes that the map never gives here ({classes}): counted as wrong; a --nomenclature "
            f"without them leaves them out{doubt}"
        )
    return notes


def _pixel_notes(counts: pd.DataFrame, polygons: int) -> list[str]:
    notes = []
    without = polygons - counts["polygon_id"].nunique()
    if without:
        small = counted(without, "polygon")
        why = "no centre lies inside (--touched takes pixels that are partly inside), or others claim it"
        notes.append(f"{small} without a pixel: {why}")
    nothing = counts[counts["predicted"] == NOTHING]
    if len(nothing):
        where = counted(nothing["polygon_id"].nunique(), "polygon")
        pixels = counted(int(nothing["pixels"].sum()), "pixel")
        notes.append(f"{pixels} of {where} where the map has no class (nodata, or left out by the mapping): not counted")
    return notes


def write(validated: Validated, folder: Path) -> None:
    """Write metrics.json, the confusion matrix, scores by class, areas, figures, and which features weren't used."""
    from sitspark.accuracy import figures  # matplotlib takes a second to import

    matrix, names, document = validated.assessment.matrix, validated.nomenclature, validated.document()
    classes = pd.DataFrame(document["assessment"]["classes"])[_CLASS_COLUMNS]
    write_atomically(folder / "metrics.json", json.dumps(document, indent=2, ensure_ascii=False))
    write_atomically(folder / "confusion.csv", matrix.to_csv())
    write_atomically(folder / "classes.csv", classes.to_csv(index=False))
    write_atomically(folder / "not_used.csv", validated.rejected.to_csv(index=False))
    publish(folder / "confusion.png", figures.confusion_matrix_figure(matrix, names))
    evidence = validated.assessment.evidence
    intervals = evidence.by_polygon.f_score if evidence else ()
    publish(folder / "class_scores.png", figures.class_scores_figure(matrix, names, intervals=intervals))
    if evidence is not None and evidence.areas is not None:
        write_atomically(folder / "area_estimates.csv", area_estimates_csv({"reference": document["assessment"]}))


def say(validated: Validated, console: Console) -> None:
    """Print the table of scores, what isn't counted, and where the results lie."""
    voice, asked = Voice(console), validated.asked
    matrix, polygons = validated.assessment.matrix, sum(validated.assessment.polygons.values())
    for note in validated.notes:
        voice.note(note)
    console.print(accuracy_table(matrix, validated.nomenclature))
    evidence = validated.assessment.evidence
    if evidence is not None:
        _say_evidence(evidence, validated, console)
    if validated.assessment.caution:
        voice.note(validated.assessment.caution)
    compared = f"{matrix.total:,} pixels of {counted(polygons, 'polygon')} of {asked.reference.source.address}"
    console.print(f"[green]✓[/] {escape(f'{asked.map} on {compared}')}", soft_wrap=True)
    say_output(asked.output, console)


def _say_evidence(evidence: Evidence, validated: Validated, console: Console) -> None:
    """Print how sure the scores are, and what the reference says of the whole map where it is known how it was drawn."""
    matrix, by_polygon = validated.assessment.matrix, evidence.by_polygon
    scores = (("OA", "overall_accuracy"), ("kappa", "kappa"), ("mean F", "mean_f_score"))
    told = (f"{name} {sure_in_words(getattr(matrix, score), getattr(by_polygon, score))}" for name, score in scores)
    console.print(f"of these pixels, with 95 % intervals by polygon: {', '.join(told)}", soft_wrap=True)
    areas = evidence.areas
    if areas is not None and evidence.pixel_hectares is not None:
        console.print(area_table(areas, validated.nomenclature, evidence.pixel_hectares))
        overall, rest = areas.overall_accuracy, 1 - areas.assessed_pixels / max(areas.mapped_pixels, 1)
        console.print(f"of the map: OA {estimate_in_words(overall)}", soft_wrap=True)
        if rest > 0:
            Voice(console).note(f"{rest:.1%} of the map are classes with fewer than two samples: nothing is said of them")
        console.print(ASSUMPTIONS[areas.design], soft_wrap=True)


def say_output(output: Path | None, console: Console) -> None:
    """Print where results lie."""
    if output is not None:
        console.print(f"results   {escape(str(output))}", soft_wrap=True)
