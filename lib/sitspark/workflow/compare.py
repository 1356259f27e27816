"""`sitspark compare A B`: two maps, or the maps of two runs, pixel by pixel, and on reference polygons where there are some."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyproj
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from rich.console import Console

from sitspark.accuracy.matrix import ConfusionMatrix
from sitspark.accuracy.mcnemar import McNemar, mcnemar
from sitspark.accuracy.paired_bootstrap import Differences, PairedCounts, paired_bootstrap
from sitspark.atomic import write_atomically
from sitspark.classes import read_names
from sitspark.errors import SitsparkError, counted
from sitspark.maps.areas import pixel_hectares
from sitspark.maps.class_raster import NOTHING, ClassRaster, common_grid, described
from sitspark.maps.difference import DIFFERENCE, Changes, changes
from sitspark.maps.mapping import read_mapping
from sitspark.workflow.given_map import given_map
from sitspark.workflow.progress import Voice
from sitspark.workflow.reference import ReferenceFile, counted_pixels, on_blocks, read_reference, work
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
    polygons: int
    first: ConfusionMatrix
    second: ConfusionMatrix
    mcnemar: McNemar
    differences: Differences


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
    names = read_names(classes) if classes else {}
    mapping = read_mapping(asked.mapping, names or None) if asked.mapping else None
    first = ClassRaster.of(given[0].raster, nodata=asked.nodata)
    second = ClassRaster.of(given[1].raster, nodata=asked.nodata, mapping=mapping)
    grid = common_grid(first, second)
    notes = [
        f"compared on the ground that both have ({described(grid)}): {raster.path} has {described(raster.grid)}"
        for raster in (first, second)
        if (raster.grid.height, raster.grid.width) != (grid.height, grid.width)
    ]
    out = asked.output / f"{DIFFERENCE.name}.tif" if asked.output else None
    done = 0
    with voice.bar("compare", grid.window.pixels, "pixels") as update:

        def told(pixels: int) -> None:
            nonlocal done
            done += pixels
            update(done, "")

        found = changes(first, second, out=out, told=told)
    if not found.pixels:
        raise SitsparkError(f"no pixel has a class in both {first.path} and {second.path}; --nodata or the mapping may say why")
    maps, runs = {"first": first, "second": second}, [one.run for one in given if one.run is not None]
    on_polygons = None
    if asked.reference is not None:
        with work(asked.output) as (spark, scratch):
            reference = read_reference(spark, replace(asked.reference, nomenclature=classes), grid, scratch)
            counts = counted_pixels(reference.pieces, grid, maps, scratch, voice, touched=asked.reference.touched)
        names, notes = dict(reference.names) | names, notes + reference.remarks
        on_polygons = _on_polygons(counts, f"of {asked.reference.source.address}", asked.seed, notes)
    elif len(runs) == 2:
        with work(asked.output) as (spark, scratch):
            polygons = _set_aside_in_both(*(read_table(spark, run.table("polygons")) for run in runs))
            counts = counted_pixels(on_blocks(polygons, grid), grid, maps, scratch, voice, touched=_touched(runs[0]))
        on_polygons = _on_polygons(counts, "that both runs set aside", asked.seed, notes)
    projected = pyproj.CRS.from_user_input(grid.crs).is_projected
    hectares = pixel_hectares(grid) if projected else None
    if hectares is None:
        notes.append("no hectares: the pixels of a grid in degrees differ in size")
    result = Compared(asked, first.path, second.path, found, hectares, names, on_polygons, tuple(notes))
    if asked.output is not None:
        write(result, asked.output)
    return result


def _touched(run: RunFolder) -> bool:
    return bool(run.settings().get("samples", {}).get("touched", False))


def _set_aside_in_both(one: DataFrame, other: DataFrame) -> DataFrame:
    """The polygons of the first run, of which those stay set aside that the second one set aside too."""
    shape = F.expr("ST_AsBinary(geometry)").alias("shape")
    also = other.where("split = 'validation'").select(shape, "label", F.lit(True).alias("also")).distinct()
    kept = F.when((F.col("split") == "validation") & F.col("also").isNull(), "other").otherwise(F.col("split"))
    both = one.withColumn("shape", shape).join(also, ["shape", "label"], "left")
    return both.withColumn("split", kept).drop("shape", "also")


def _on_polygons(counts: pd.DataFrame, source: str, seed: int, notes: list[str]) -> OnPolygons | None:
    """Both maps on the polygons of a source; what isn't counted goes to the notes. None where nothing is left."""
    known = (counts["first"] != NOTHING) & (counts["second"] != NOTHING)
    if not known.all():
        pixels = counted(int(counts["pixels"][~known].sum()), "reference pixel")
        notes.append(f"{pixels} without a class in one of the maps: not counted")
    counts = counts[known]
    if counts.empty:
        notes.append(f"neither map is judged: there is no pixel of polygons {source} with a class in both; see --polygons")
        return None
    columns = (counts[name].to_numpy(np.int64) for name in ("polygon_id", "reference", "first", "second", "pixels"))
    paired = PairedCounts(*columns)
    first, second = paired.matrices
    differences = paired_bootstrap(paired, seed=seed)
    return OnPolygons(source, differences.polygons, first, second, mcnemar(*paired.right_in_one), differences)


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
                {"code": code, "name": names.get(code, str(code))} | asdict(difference)
                for code, difference in zip(told.codes, told.f_score, strict=True)
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
        write_atomically(folder / "scores.csv", pd.DataFrame(_score_rows(compared)).to_csv(index=False))


def change_matrix(compared: Compared) -> str:
    """CSV of pixels: a line for each class of the first map, a column for each of the second."""
    codes, text = compared.changes.codes, io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("first \\ second", *(compared.name_of(code) for code in codes)))
    for code in codes:
        table.writerow((compared.name_of(code), *(compared.changes.pairs.get((code, other), 0) for other in codes)))
    return text.getvalue()


def _score_rows(compared: Compared) -> list[dict[str, Any]]:
    assert compared.on_polygons is not None
    told = compared.on_polygons.differences
    of_classes = {f"F {compared.name_of(code)}": found for code, found in zip(told.codes, told.f_score, strict=True)}
    rows = {"OA": told.overall_accuracy, "kappa": told.kappa, "mean F": told.mean_f_score} | of_classes
    return [{"score": name} | asdict(found) for name, found in rows.items()]
