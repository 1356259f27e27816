"""`sitspark compare A B`: two maps, or the maps of two runs, pixel by pixel, and on reference polygons where there are some."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyproj
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from sitspark.accuracy.matrix import ConfusionMatrix
from sitspark.accuracy.mcnemar import McNemar, mcnemar
from sitspark.accuracy.paired_bootstrap import Difference, Differences, PairedCounts, paired_bootstrap
from sitspark.atomic import write_atomically
from sitspark.classes import read_names
from sitspark.errors import SitsparkError, counted
from sitspark.maps.areas import pixel_hectares
from sitspark.maps.class_raster import NOTHING, ClassRaster, common_grid, described
from sitspark.maps.difference import DIFFERENCE, Changes, changes
from sitspark.maps.mapping import read_mapping
from sitspark.workflow.progress import Voice
from sitspark.workflow.reference import ReferenceFile, counted_pixels, on_blocks, read_reference, work
from sitspark.workflow.run_folder import RunFolder
from sitspark.workflow.tables import read_table
from sitspark.workflow.validate_map import say_output

_SHOWN = 10  # changes on the terminal; the files have all


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
    runs = _run_of(asked.first), _run_of(asked.second)
    names = _names(asked, runs)
    mapping = read_mapping(asked.mapping, names or None) if asked.mapping else None
    first = ClassRaster.of(_map_of(asked.first, runs[0]), nodata=asked.nodata)
    second = ClassRaster.of(_map_of(asked.second, runs[1]), nodata=asked.nodata, mapping=mapping)
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
    on_polygons = None
    if asked.reference is not None or None not in runs:
        with work(asked.output) as (spark, scratch):
            if asked.reference is not None:
                reference = read_reference(spark, asked.reference, grid, scratch)
                pieces, touched, source = reference.pieces, asked.reference.touched, asked.reference.source.address
                notes += reference.remarks
                names = dict(reference.names) | names
            else:
                one, other = (run for run in runs if run is not None)
                polygons = _set_aside_in_both(*(read_table(spark, run.table("polygons")) for run in (one, other)))
                pieces, touched = on_blocks(polygons, grid), _touched(one)
                source = "the polygons that both runs set aside"
            maps = {"first": first, "second": second}
            counts = counted_pixels(pieces, grid, maps, scratch, voice, touched=touched)
        on_polygons, told_of = _on_polygons(counts, source, seed=asked.seed)
        notes += told_of
    projected = pyproj.CRS.from_user_input(grid.crs).is_projected
    hectares = pixel_hectares(grid) if projected else None
    if hectares is None:
        notes.append("no hectares: the pixels of a grid in degrees differ in size")
    result = Compared(asked, first.path, second.path, found, hectares, names, on_polygons, tuple(notes))
    if asked.output is not None:
        write(result, asked.output)
    return result


def _run_of(path: Path) -> RunFolder | None:
    """The run in a folder; None for a file. Raises SitsparkError for a folder that is none."""
    if not path.is_dir():
        return None
    run = RunFolder(path)
    if not run.record_file.exists():
        raise SitsparkError(f"{path} is no run: it holds no run.json; name the folder of a run, or a GeoTIFF of classes")
    return run


def _map_of(path: Path, run: RunFolder | None) -> Path:
    """The raster, or the map of a run as it is after all that was done to it."""
    if run is None:
        return path
    records = run.records()
    if "mosaic" not in records:
        raise SitsparkError(f"{path}: the run has no map yet; sitspark classify SETTINGS draws it")
    drawn: str = records["regularise"].facts["map"] if "regularise" in records else "classification.tif"
    folder: str = records["mosaic"].facts["map"]
    return run.path / folder / drawn


def _names(asked: Comparison, runs: tuple[RunFolder | None, RunFolder | None]) -> dict[int, str]:
    """The names of classes: of a file, or of the first run whose nomenclature is still there."""
    if asked.nomenclature is not None:
        return read_names(asked.nomenclature)
    for run in runs:
        told = Path(run.settings().get("classes", {}).get("nomenclature", "")) if run else None
        if told is not None and told.is_file():
            return read_names(told)
    return {}


def _touched(run: RunFolder) -> bool:
    return bool(run.settings().get("samples", {}).get("touched", False))


def _set_aside_in_both(one: DataFrame, other: DataFrame) -> DataFrame:
    """The polygons of the first run, of which those stay set aside that the second one set aside too.

    Raises SitsparkError where there are none.
    """
    shape = F.expr("ST_AsBinary(geometry)").alias("shape")
    also = other.where("split = 'validation'").select(shape, "label", F.lit(True).alias("also")).distinct()
    own = one.withColumn("shape", shape)
    kept = F.when((F.col("split") == "validation") & F.col("also").isNull(), "other").otherwise(F.col("split"))
    found = own.join(also, ["shape", "label"], "left").withColumn("split", kept).drop("shape", "also")
    if found.where("split = 'validation'").isEmpty():
        raise SitsparkError(
            "the two runs have set aside no polygon in common, so neither can be judged by those of the other; name some that "
            "neither has learnt from: --polygons FILE --label-field FIELD"
        )
    return found


def _on_polygons(counts: pd.DataFrame, source: str, *, seed: int) -> tuple[OnPolygons, list[str]]:
    known = (counts["first"] != NOTHING) & (counts["second"] != NOTHING)
    notes = []
    if not known.all():
        pixels = counted(int(counts["pixels"][~known].sum()), "reference pixel")
        notes.append(f"{pixels} without a class in one of the maps: not counted")
    counts = counts[known]
    if counts.empty:
        raise SitsparkError(f"no pixel of {source} has a class in both maps; compare their places")
    columns = (counts[name].to_numpy(np.int64) for name in ("polygon_id", "reference", "first", "second", "pixels"))
    paired = PairedCounts(*columns)
    first, second = paired.matrices
    differences = paired_bootstrap(paired, seed=seed)
    return OnPolygons(source, differences.polygons, first, second, mcnemar(*paired.right_in_one), differences), notes


def _on_polygons_json(found: OnPolygons, names: Mapping[int, str]) -> dict[str, Any]:
    told = found.differences
    return {
        "reference": found.reference,
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


def say(compared: Compared, console: Console) -> None:
    """Print how much differs, the largest changes, and the scores of both maps on the polygons."""
    voice, found = Voice(console), compared.changes
    for note in compared.notes:
        voice.note(note)
    console.print(f"A         {escape(str(compared.first))}", soft_wrap=True)
    console.print(f"B         {escape(str(compared.second))}", soft_wrap=True)
    share = 0.0 if found.share is None else found.share
    ground = "" if compared.hectares is None else f" ({found.different * compared.hectares:,.1f} ha)"
    console.print(f"differ    {share:.2%} of {found.pixels:,} pixels that have a class in both{ground}", soft_wrap=True)
    for name, pixels in (("A", found.first_only), ("B", found.second_only)):
        if pixels:
            console.print(f"          {counted(pixels, 'pixel')} with a class only in {name}", soft_wrap=True)
    if found.different:
        console.print(_change_table(compared))
    if compared.on_polygons is not None:
        _say_on_polygons(compared, compared.on_polygons, console)
    say_output(compared.asked.output, console)


def _change_table(compared: Compared) -> Table:
    found = compared.changes
    table = Table(box=box.SIMPLE_HEAD)
    for name, side in (("A", "left"), ("B", "left"), ("pixels", "right"), ("hectares", "right"), ("of A's class", "right")):
        table.add_column(name, justify="right" if side == "right" else "left")
    largest = sorted((p for p in found.pairs.items() if p[0][0] != p[0][1]), key=lambda pair: (-pair[1], pair[0]))
    for (first, second), pixels in largest[:_SHOWN]:
        ground = "-" if compared.hectares is None else f"{pixels * compared.hectares:,.1f}"
        share = f"{pixels / found.of_first(first):.1%}"
        table.add_row(Text(compared.name_of(first)), Text(compared.name_of(second)), f"{pixels:,}", ground, share)
    if len(largest) > _SHOWN:
        table.add_row(Text(f"and {len(largest) - _SHOWN} more", style="dim"))
    return table


def _say_on_polygons(compared: Compared, found: OnPolygons, console: Console) -> None:
    told, test = found.differences, found.mcnemar
    console.print(
        f"on {found.first.total:,} pixels of {counted(found.polygons, 'polygon')} of {escape(found.reference)}:", soft_wrap=True
    )
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("score")
    for name in ("A", "B", "B - A", f"{told.level:.0%} interval"):
        table.add_column(name, justify="right")
    rows = [("OA", told.overall_accuracy), ("kappa", told.kappa), ("mean F", told.mean_f_score)]
    rows += [(f"F {compared.name_of(code)}", of) for code, of in zip(told.codes, told.f_score, strict=True)]
    for name, difference in rows:
        table.add_row(Text(name), *_cells(difference))
    console.print(table)
    console.print(
        f"interval  of B - A, from {told.replicates} draws of whole polygons (all pixels of one stay together)", soft_wrap=True
    )
    by = "exact binomial test" if test.statistic is None else f"chi-squared {test.statistic:,.1f}"
    p = "p < 0.0001" if test.p_value < 1e-4 else f"p = {test.p_value:.4f}"
    console.print(
        f"McNemar   {test.first_only:,} pixels right in A alone, {test.second_only:,} in B alone: {by}, {p}; it takes pixels "
        "for independent, which those of one polygon aren't: the interval by polygons is the safer word",
        soft_wrap=True,
    )


def _cells(difference: Difference) -> list[str]:
    def cell(value: float | None, form: str = ".3f") -> str:
        return "-" if value is None else format(value, form)

    if difference.low is None or difference.high is None:
        interval = "-"
    else:
        mark = "" if difference.low <= 0 <= difference.high else " *"
        interval = f"{difference.low:+.3f} to {difference.high:+.3f}{mark}"
    return [cell(difference.first), cell(difference.second), cell(difference.difference, "+.3f"), interval]
