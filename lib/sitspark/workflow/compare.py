"""`sitspark compare A B`: two maps, or the maps of two runs, pixel by pixel, and on reference polygons where there are some."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyproj
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from rich.console import Console

from sitspark.accuracy.assessment import Assessment
from sitspark.accuracy.matrix import ConfusionMatrix
from sitspark.accuracy.mcnemar import McNemar, mcnemar
from sitspark.accuracy.paired_bootstrap import Difference, Differences, PairedCounts, paired_bootstrap
from sitspark.atomic import write_atomically
from sitspark.classes import read_names
from sitspark.errors import SitsparkError, counted, some
from sitspark.maps.areas import pixel_hectares
from sitspark.maps.class_names import names_beside
from sitspark.maps.class_raster import NOTHING, ClassRaster, common_grid, described
from sitspark.maps.difference import DIFFERENCE, Changes, changes
from sitspark.maps.mapping import read_mapping
from sitspark.workflow.given_map import given_map
from sitspark.workflow.progress import Voice
from sitspark.workflow.reference import ReferenceFile, counted_pixels, make_folder, on_blocks, read_reference, work
from sitspark.workflow.run_folder import RunFolder
from sitspark.workflow.tables import read_table


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is asked: `first` and `second` are folders of runs or rasters of classes.

    `mapping` is a file that gives the codes of the second as those of the first, `nodata` a value that stands for no class in
    both; `output` is a folder to write to.
    """

    first: Path
    second: Path
    reference: ReferenceFile | None = None
    nomenclature: Path | None = None
    mapping: Path | None = None
    nodata: float | None = None
    output: Path | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class OnPolygons:
    """How good both maps are on the same pixels of reference polygons, and how sure their difference is."""

    reference: str
    first: ConfusionMatrix
    second: ConfusionMatrix
    mcnemar: McNemar
    differences: Differences

    @property
    def polygons(self) -> int:
        """How many polygons there are."""
        return sum(self.differences.polygons)


@dataclass(frozen=True, slots=True)
class Compared:
    """What two maps have in common; `hectares` are those of a pixel, None on a grid in degrees."""

    asked: Comparison
    first: Path
    second: Path
    changes: Changes
    hectares: float | None
    names: Mapping[int, str]
    on_polygons: OnPolygons | None
    notes: tuple[str, ...]

    def name_of(self, code: int) -> str:
        """The name of a class, or its code."""
        return self.names.get(code, str(code))

    def document(self) -> dict[str, Any]:
        """The content of comparison.json: plain dicts, lists, str, int, float; None (null) where a score is undefined."""
        grid = self.changes.grid
        return {
            "first": str(self.first),
            "second": str(self.second),
            "grid": {name: getattr(grid, name) for name in ("crs", "left", "top", "resolution", "height", "width")},
            "pixels": self.changes.pixels,
            "different_pixels": self.changes.different,
            "different_share": self.changes.share,
            "only_first_pixels": self.changes.first_only,
            "only_second_pixels": self.changes.second_only,
            "classes": self._classes(),
            "pairs": self._pairs(),
            "on_polygons": None if self.on_polygons is None else _on_polygons_json(self.on_polygons, self.names),
            "notes": list(self.notes),
        }

    def _classes(self) -> list[dict[str, Any]]:
        found = []
        for code in self.changes.codes:
            first, second = self.changes.of_first(code), self.changes.of_second(code)
            in_both = self.changes.pairs.get((code, code), 0)
            found.append(
                {
                    "code": code,
                    "name": self.name_of(code),
                    "first_pixels": first,
                    "second_pixels": second,
                    "both_pixels": in_both,
                }
                | {"first_hectares": self._ground(first), "second_hectares": self._ground(second)}
            )
        return found

    def _pairs(self) -> list[dict[str, Any]]:
        return [
            {"first": first, "first_name": self.name_of(first), "second": second, "second_name": self.name_of(second)}
            | {"pixels": pixels, "hectares": self._ground(pixels)}
            for (first, second), pixels in self.changes.pairs.items()
        ]

    def _ground(self, pixels: int) -> float | None:
        return None if self.hectares is None else round(pixels * self.hectares, 4)


def compare(asked: Comparison, console: Console) -> Compared:
    """Compare, and write what was found where that is asked for; Spark starts where there are reference polygons.

    Raises SitsparkError for what can't be compared, with both files or the field.
    """
    voice = Voice(console)
    given = given_map(asked.first), given_map(asked.second)
    classes = asked.nomenclature or given[0].nomenclature or given[1].nomenclature
    told = read_names(classes) if classes else None
    mapping = read_mapping(asked.mapping, told) if asked.mapping else None
    # the codes of a mapping are those of A
    beside = [names_beside(one.raster, note=voice.note) for one in given[: 1 if asked.mapping else 2]]
    names = told or {code: name for of_map in reversed(beside) for code, name in of_map.items()}
    reference = asked.reference and replace(asked.reference, nomenclature=classes, names=names)
    first = ClassRaster.of(given[0].raster, nodata=asked.nodata)
    second = ClassRaster.of(given[1].raster, nodata=asked.nodata, mapping=mapping)
    grid = common_grid(first, second)
    notes = _disputed_names(beside) if told is None else []
    notes += [
        f"compared on the ground that both have ({described(grid)}): {raster.path} has {described(raster.grid)}"
        for raster in (first, second)
        if (raster.grid.height, raster.grid.width) != (grid.height, grid.width)
    ]
    if asked.output is not None:
        make_folder(asked.output)
    found = _changes(first, second, asked.output, voice)
    if not found.pixels:
        raise SitsparkError(f"no pixel has a class in both {first.path} and {second.path}; --nodata or the mapping may say why")
    runs = [one.run for one in given if one.run is not None]
    judged = _judged(replace(asked, reference=reference), runs, {"first": first, "second": second}, voice)
    names, notes = dict(judged.names) | names, [*notes, *judged.notes]
    projected = pyproj.CRS.from_user_input(grid.crs).is_projected
    hectares = pixel_hectares(grid) if projected else None
    if hectares is None:
        notes.append("no hectares: the pixels of a grid in degrees differ in size")
    result = Compared(asked, first.path, second.path, found, hectares, names, judged.on_polygons, tuple(notes))
    if asked.output is not None:
        write(result, asked.output)
    return result


def _disputed_names(beside: Sequence[Mapping[int, str]]) -> list[str]:
    """A sentence on codes that the two maps name differently, if there are such."""
    if len(beside) < 2:
        return []
    first, second = beside
    codes = sorted(code for code in first.keys() & second.keys() if first[code] != second[code])
    if not codes:
        return []
    named = some((f"{code} is {first[code]} in A, {second[code]} in B" for code in codes), most=3, separator="; ")
    return [f"the maps name {counted(len(codes), 'code')} differently ({named}): --mapping says which of A's each code of B is"]


def _changes(first: ClassRaster, second: ClassRaster, output: Path | None, voice: Voice) -> Changes:
    """The changes, and the raster of them where results are written, with a bar that counts pixels."""
    done = 0
    with voice.bar("compare", common_grid(first, second).window.pixels, "pixels") as update:

        def told(pixels: int) -> None:
            nonlocal done
            done += pixels
            update(done, "")

        return changes(first, second, out=output / f"{DIFFERENCE.name}.tif" if output else None, told=told)


@dataclass(frozen=True, slots=True)
class _Judged:
    """What reference polygons say of two maps, if anything; the names of their classes, and what isn't counted."""

    on_polygons: OnPolygons | None = None
    names: Mapping[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def _judged(asked: Comparison, runs: Sequence[RunFolder], maps: Mapping[str, ClassRaster], voice: Voice) -> _Judged:
    """Judge both maps by the polygons of a file, or else by those that two runs set aside."""
    grid = common_grid(*maps.values())
    if asked.reference is None and len(runs) < 2:
        return _Judged()
    with work(asked.output) as (spark, scratch):
        if asked.reference is not None:
            reference = read_reference(spark, asked.reference, grid, scratch)
            counts = counted_pixels(reference.pieces, grid, maps, scratch, voice, touched=asked.reference.touched)
            source, names, notes = f"of {asked.reference.source.address}", reference.names, reference.remarks
        else:
            polygons = _set_aside_in_both(*(read_table(spark, run.table("polygons")) for run in runs))
            touched = bool(runs[0].settings().get("samples", {}).get("touched", False))
            counts = counted_pixels(on_blocks(polygons, grid), grid, maps, scratch, voice, touched=touched)
            source, names, notes = "that both runs set aside", {}, []
    known = (counts["first"] != NOTHING) & (counts["second"] != NOTHING)
    if not known.all():
        pixels = counted(int(counts["pixels"][~known].sum()), "reference pixel")
        notes.append(f"{pixels} without a class in one of the maps: not counted")
    if not known.any():
        notes.append(f"neither map is judged: there is no pixel of polygons {source} with a class in both; see --polygons")
        return _Judged(None, names, tuple(notes))
    found = _on_polygons(counts[known], source, seed=asked.seed)
    caution = Assessment(found.first, dict(zip(found.differences.codes, found.differences.polygons, strict=True))).caution
    return _Judged(found, names, (*notes, *([caution] if caution else [])))


def _set_aside_in_both(one: DataFrame, other: DataFrame) -> DataFrame:
    """The polygons of the first run, of which those stay set aside that the second one set aside too."""
    shape = F.expr("ST_AsBinary(geometry)").alias("shape")
    also = other.where("split = 'validation'").select(shape, "label", F.lit(True).alias("also")).distinct()
    kept = F.when((F.col("split") == "validation") & F.col("also").isNull(), "other").otherwise(F.col("split"))
    both = one.withColumn("shape", shape).join(also, ["shape", "label"], "left")
    return both.withColumn("split", kept).drop("shape", "also")


def _on_polygons(counts: pd.DataFrame, source: str, *, seed: int) -> OnPolygons:
    columns = (counts[name].to_numpy(np.int64) for name in ("polygon_id", "reference", "first", "second", "pixels"))
    paired = PairedCounts(*columns)
    return OnPolygons(source, *paired.matrices, mcnemar(*paired.right_in_one), paired_bootstrap(paired, seed=seed))


def _on_polygons_json(found: OnPolygons, names: Mapping[int, str]) -> dict[str, Any]:
    told = found.differences
    return {
        "reference": f"polygons {found.reference}",
        "polygons": found.polygons,
        "pixels": found.first.total,
        "first_confusion_matrix": found.first.to_json(),
        "second_confusion_matrix": found.second.to_json(),
        "mcnemar": asdict(found.mcnemar) | {"exact": found.mcnemar.exact},
        "bootstrap": {
            "by": "polygon",
            "replicates": told.replicates,
            "level": told.level,
            "overall_accuracy": asdict(told.overall_accuracy),
            "kappa": asdict(told.kappa),
            "mean_f_score": asdict(told.mean_f_score),
            "f_score": [
                {"code": code, "name": names.get(code, str(code)), "polygons": polygons} | asdict(difference)
                for code, polygons, difference in zip(told.codes, told.polygons, told.f_score, strict=True)
            ],
        },
    }


def write(compared: Compared, folder: Path) -> None:
    """Write comparison.json, the change matrix in pixels and as a list, and the scores on polygons."""
    document = compared.document()
    write_atomically(folder / "comparison.json", json.dumps(document, indent=2, ensure_ascii=False))
    write_atomically(folder / "change_matrix.csv", change_matrix(compared))
    write_atomically(folder / "changes.csv", pd.DataFrame(document["pairs"]).to_csv(index=False))
    write_atomically(folder / "classes.csv", pd.DataFrame(document["classes"]).to_csv(index=False))
    if compared.on_polygons is not None:
        rows = score_rows(compared, compared.on_polygons)
        scores = pd.DataFrame([{"score": name, "polygons": polygons} | asdict(of) for name, polygons, of in rows])
        write_atomically(folder / "scores.csv", scores.to_csv(index=False))


def change_matrix(compared: Compared) -> str:
    """CSV of pixels: a line for each class of the first map, a column for each of the second."""
    codes, text = compared.changes.codes, io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("first \\ second", *(compared.name_of(code) for code in codes)))
    for code in codes:
        table.writerow((compared.name_of(code), *(compared.changes.pairs.get((code, other), 0) for other in codes)))
    return text.getvalue()


def score_rows(compared: Compared, found: OnPolygons) -> list[tuple[str, int, Difference]]:
    """Each score by its name, the number of polygons that it hangs on, and what it is in both maps."""
    told = found.differences
    whole = (("OA", told.overall_accuracy), ("kappa", told.kappa), ("mean F", told.mean_f_score))
    of_classes = zip(told.codes, told.polygons, told.f_score, strict=True)
    return [
        *((name, found.polygons, difference) for name, difference in whole),
        *((f"F {compared.name_of(code)}", polygons, difference) for code, polygons, difference in of_classes),
    ]
