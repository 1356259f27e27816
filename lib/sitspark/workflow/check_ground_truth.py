"""`sitspark ground-truth check`: what is wrong with a file of labelled features, and a mended copy of it."""

import contextlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyproj
import shapely
from pyspark.sql import SparkSession
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sitspark import spark as sessions
from sitspark.atomic import attempt_name, write_atomically
from sitspark.classes import read_names
from sitspark.errors import SitsparkError, counted, some
from sitspark.ground_truth.codes import codes_of_texts
from sitspark.ground_truth.examine import FAULTS, REMARKS, Examination, examine
from sitspark.ground_truth.judging import Rules
from sitspark.ground_truth.overlaps import Overlaps
from sitspark.ground_truth.pixels import Pixels
from sitspark.ground_truth.shapes import decoded
from sitspark.ground_truth.sources import ORIGIN, TABLE, Features, Source, known_crs, read_source
from sitspark.ground_truth.staged import FIELD, Staged
from sitspark.ground_truth.write import SUFFIXES, Layer, write_vector
from sitspark.scenes.inspect import inspect_product
from sitspark.scenes.outline import reprojected
from sitspark.settings import Settings, SparkSettings
from sitspark.workflow.context import Context

_SHOWN = 5  # features that are named in a line; the report names all
_SAMPLED = 20  # groups that say where on Earth features are
OFFENDERS = pa.schema([
    ("feature", pa.string()), ("label", pa.string()), ("kind", pa.string()), ("what", pa.string()), ("reason", pa.string()),
    ("x", pa.float64()), ("y", pa.float64()), ("geometry", pa.binary()),
])  # fmt: skip
_POINTS, _POLYGONS = 0, 2  # dimensions
_OUTCOME = {
    "invalid": "repaired",
    "multi-part": "split",
    "repeated part": "kept once",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: `fix` and `report` are files to write, `resolution` (metres) counts where no imagery is known."""

    source: Source
    report: Path
    nomenclature: Path | None = None
    resolution: float = 10.0
    tolerance: float = 1.0
    overlaps: Overlaps = "drop"
    fix: Path | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """How many features have one fault or remark, and the names of the first."""

    what: str
    features: int
    first: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What was found: `features` = `kept` + `rejected`; `polygons` that were written where a mended file was asked for."""

    crs: str
    files: tuple[str, ...]
    features: int
    kept: int
    rejected: int
    lines: tuple[Line, ...]
    polygons: int | None = None
    codes: Path | None = None
    dropped: tuple[str, ...] = ()

    @property
    def faults(self) -> tuple[Line, ...]:
        """What rejects features."""
        return tuple(line for line in self.lines if line.what in FAULTS)


def request_of(
    address: str,
    known: Settings | None,
    *,
    label_field: str | None,
    id_field: str | None,
    crs: str | None,
    nomenclature: Path | None,
    resolution: float | None,
    tolerance: float | None,
    overlaps: str | None,
    fix: Path | None,
    report: Path | None,
) -> Request:
    """What is asked on the command line; what isn't said is as in the settings of a run, or as usual.

    Raises SitsparkError for what can't be meant.
    """
    truth = known.ground_truth if known else None
    label_field = label_field or (truth.label_field if truth else None)
    if label_field is None:
        raise SitsparkError("--label-field: name the field that holds the class, as --label-field code")
    if overlaps is not None and overlaps not in get_args(Overlaps):
        raise SitsparkError(f"--overlaps: '{overlaps}' is none of {', '.join(get_args(Overlaps))}")
    source = Source(
        address, label_field, id_field or (truth.id_field if truth else None), known_crs(crs) if crs is not None else None
    )
    return Request(
        source,
        report=report or (fix.parent if fix else Path()) / f"{source.name}_offenders.parquet",
        nomenclature=nomenclature or (known.classes.nomenclature if known else None),
        resolution=10.0 if resolution is None else resolution,
        tolerance=tolerance if tolerance is not None else truth.overlap_tolerance if truth else 1.0,
        overlaps=cast("Overlaps", overlaps) if overlaps else truth.overlaps if truth else "drop",
        fix=fix,
    )


def check(request: Request, known: Settings | None, console: Console) -> Report:
    """Examine with a session of its own, or that of a run whose imagery is compared."""
    _refuse_impossible(request)
    with console.status("Spark is starting") as status:

        def on_step(step: str) -> None:
            status.update(step)

        return _checked(request, known, console, on_step)


def _checked(request: Request, known: Settings | None, console: Console, on_step: Callable[[str], None]) -> Report:
    if known is not None and known.scenes is not None:
        context = Context.of(known, console)
        return check_ground_truth(context.spark, request, context, on_step=on_step)
    with tempfile.TemporaryDirectory(prefix="sitspark-", ignore_cleanup_errors=True) as folder:
        settings = SparkSettings()  # type: ignore[call-arg]  # mypy sees no default in Field(x)
        spark = sessions.session(settings, log=Path(folder) / "spark.log")
        return check_ground_truth(spark, request, on_step=on_step)


def check_ground_truth(
    spark: SparkSession,
    request: Request,
    context: Context | None = None,
    *,
    on_step: Callable[[str], None] = lambda _: None,
) -> Report:
    """Examine the features of a source and write report and mended file; with `context` compare with the imagery of a run.

    `on_step` is told what begins.
    """
    _refuse_impossible(request)
    with _scratch(request.fix or request.report) as scratch:
        on_step("reading")
        found = read_source(spark, request.source, scratch / "staged")
        if found.staged.features == 0:
            raise SitsparkError(f"{request.source.address} holds no feature")
        if request.fix is not None and request.fix.suffix.lower() == ".shp" and _is_mixed(found.staged):
            raise SitsparkError(f"--fix: {request.fix} can't hold both points and polygons; name a .gpkg")
        names = read_names(request.nomenclature) if request.nomenclature else None
        codes = codes_of_texts(found.staged.column("label"), names)
        examined = examine(spark, found.staged, _rules(found, request, names, codes, context), scratch, on_step=on_step)
        on_step("writing")
        lines = _lines(examined)
        features, rejected = found.staged.features, sum(line.features for line in lines if line.what in FAULTS)
        kept = _count_kept(examined)
        if kept + rejected != features:
            raise SitsparkError(f"of {features} features {kept} are kept and {rejected} rejected; please report this fault")
        request.report.unlink(missing_ok=True)
        if lines:
            told = examined.told("name", "label", "what", "reason", "wkb")
            write_vector(map(_offenders, told), OFFENDERS, request.report, Layer(found.crs))
        polygons = None
        if request.fix is not None and not kept:
            raise SitsparkError(
                f"{request.fix} isn't written: none of {counted(features, 'feature')} can be kept; {_main_fault(examined)}"
            )
        if request.fix is not None:
            polygons = _write_fixed(examined, found, request, request.fix)
        table = _write_codes(codes, request.fix) if codes and request.fix else None
        files = tuple(f"{file.path.name} ({file.features})" for file in found.files)
        return Report(found.crs, files, features, kept, rejected, lines, polygons, table, found.dropped)


def _main_fault(examined: Examination) -> str:
    """What most features are rejected for, with the labels that no class has."""
    most = max((line for line in _lines(examined) if line.what in FAULTS), key=lambda line: line.features)
    if most.what != "unknown label":
        return f"{most.features} have the fault '{most.what}'"
    reasons: set[str] = set()
    for told in examined.told("what", "reason"):
        reasons |= set(told.filter(pc.equal(told["what"], most.what))["reason"].unique().to_pylist())
    return f"the nomenclature doesn't fit the labels ({some(sorted(reasons), separator='; ')})"


def rejected_beside(out: Path) -> Path:
    """The companion of a mended file; that of a shapefile, which holds one kind of geometry, is a GeoPackage."""
    return out.with_name(f"{out.stem}_rejected{'.gpkg' if out.suffix.lower() == '.shp' else out.suffix}")


def _refuse_impossible(request: Request) -> None:
    fix, source = request.fix, request.source
    if fix is not None and fix.suffix.lower() not in SUFFIXES:
        raise SitsparkError(f"--fix: {fix} ends in none of {', '.join(SUFFIXES)}, which say the format; rename it")
    if fix is not None and request.report.resolve() in (fix.resolve(), rejected_beside(fix).resolve()):
        raise SitsparkError(f"--report: {request.report} is also what --fix writes; name another place")
    for option, field in (("--label-field", source.label_field), ("--id-field", source.id_field)):
        if fix is not None and field in ("reason", "geometry"):
            raise SitsparkError(f"{option}: a mended file has a column '{field}' of its own; give the field another name")
    if fix is not None and fix.suffix.lower() == ".gpkg" and source.id_field is not None and source.id_field.lower() == "fid":
        raise SitsparkError(
            f"--fix: {fix} numbers its rows in a field fid of its own, and a feature may become several; name a .parquet, or "
            "leave --id-field out"
        )
    if request.report.suffix.lower() != ".parquet":
        raise SitsparkError(f"--report: {request.report} is GeoParquet; let its name end in .parquet")
    for option, file in (("--fix", fix), ("--report", request.report)):
        if (
            file is not None
            and not source.is_table
            and Path(source.address).resolve() in (file.resolve(), *file.resolve().parents)
        ):
            raise SitsparkError(f"{option}: {file} is, or lies in, what is checked; name another place")
    if not source.is_table and not Path(source.address).exists():
        raise SitsparkError(f"there is no file {source.address}; correct the path (a Spark table is {TABLE}NAME)")
    if request.nomenclature is not None:
        read_names(request.nomenclature)
    if request.resolution <= 0:
        raise SitsparkError(f"--resolution: {request.resolution:g} is no size of a pixel; name metres, as 10")


@contextlib.contextmanager
def _scratch(beside: Path) -> Iterator[Path]:
    """A folder for what is found on the way, where results go: there all machines see it, and there is room."""
    folder = attempt_name(beside.resolve()).with_suffix("")
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise SitsparkError(f"{beside.parent}: can't be written ({error.strerror}); name another folder") from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _rules(
    found: Features, request: Request, names: Mapping[int, str] | None, codes: Mapping[str, int], context: Context | None
) -> Rules:
    if context is None:
        projected = pyproj.CRS.from_user_input(found.crs).is_projected
        bounds = (0.0, 0.0, 0.0, 0.0) if projected else _middle(found.staged)
        pixels, imagery = Pixels.near(bounds, found.crs, request.resolution), None
    else:
        outline = shapely.union_all(list(context.tile_extents.values()))
        if outline.is_empty:
            raise SitsparkError("--settings: no product of the imagery can be read; `sitspark check` says why")
        pixels, imagery = _pixels_of(context), shapely.to_wkb(reprojected(outline, "EPSG:4326", found.crs))
    known = set(names) if names is not None else None
    return Rules(found.crs, pixels, known, codes, request.tolerance, request.overlaps, imagery)


def _middle(staged: Staged) -> tuple[float, float, float, float]:
    """The bounds of half of the features of some groups, so that one that is far off doesn't count."""
    few = staged.groups[:: max(1, len(staged.groups) // _SAMPLED)]
    boxes = [shapely.bounds(decoded(group.read("wkb")["wkb"].combine_chunks()).geometries) for group in few]
    found = np.concatenate([np.zeros((0, 4)), *boxes])
    found = found[np.isfinite(found).all(1)]
    if not len(found):
        return 0.0, 0.0, 0.0, 0.0
    (left, bottom), (right, top) = np.quantile(found[:, :2], 0.25, axis=0), np.quantile(found[:, 2:], 0.75, axis=0)
    return float(left), float(bottom), float(right), float(top)


def _pixels_of(context: Context) -> Pixels:
    """The grid of a run: as its scenes stage found it, or as the first product has it."""
    if "scenes" in context.folder.records():
        grid = context.coverage.grid
        return Pixels(grid.crs, grid.resolution, grid.left, grid.top)
    grid_settings = context.settings.grid
    for product in context.archives[context.leading.name].wanted:
        inspected = inspect_product(product.source, context.leading.selection)
        if inspected.left_out is None and inspected.crs is not None:
            finest = min(inspected.assets, key=lambda asset: asset.transform[0])
            resolution = grid_settings.resolution or finest.transform[0]
            if grid_settings.crs not in (None, inspected.crs):
                return Pixels(str(grid_settings.crs), resolution)
            return Pixels(inspected.crs, resolution, finest.transform[2], finest.transform[5])
    raise SitsparkError("--settings: no product of the imagery can be read; `sitspark check` says why")


def _count_kept(examined: Examination) -> int:
    # all pieces of a feature are in one group
    return sum(len(pieces["number"].unique()) for pieces in examined.kept("number"))


def _lines(examined: Examination) -> tuple[Line, ...]:
    features: Counter[str] = Counter()
    first: dict[str, list[str]] = {}
    for told in examined.told("name", "what"):
        features.update(told["what"].to_pylist())
        for what in told["what"].unique().to_pylist():
            names = first.setdefault(what, [])
            if len(names) < _SHOWN:
                names += told.filter(pc.equal(told["what"], what))["name"][: _SHOWN - len(names)].to_pylist()
    return tuple(Line(what, features[what], tuple(first[what])) for what in (*FAULTS, *REMARKS) if what in features)


def _offenders(told: pa.Table) -> pa.Table:
    """TOLD as OFFENDERS."""
    bounds = shapely.bounds(decoded(told["wkb"].combine_chunks()).geometries)
    middle = (bounds[:, :2] + bounds[:, 2:]) / 2
    x, y = (pa.array(np.where(np.isfinite(middle).all(1), middle[:, axis], np.nan), from_pandas=True) for axis in (0, 1))
    kind = pc.if_else(pc.is_in(told["what"], pa.array(FAULTS)), "fault", "remark")
    return pa.table([told["name"], told["label"], kind, told["what"], told["reason"], x, y, told["wkb"]], schema=OFFENDERS)


def _write_fixed(examined: Examination, found: Features, request: Request, out: Path) -> int:
    identifier, label = found.id_field or ORIGIN, request.source.label_field
    kind = _kind_of(examined)
    number = pa.int64() if _whole_ids(found.staged) else pa.string()
    # a shapefile knows days, but no times
    fields = [f for f in found.staged.attributes if out.suffix.lower() != ".shp" or not pa.types.is_timestamp(f.type)]
    own = [(field.name.removeprefix(FIELD), field.type) for field in fields]
    names = [field.name for field in fields]
    rejected = pa.schema([(identifier, number), *own, (label, pa.string()), ("reason", pa.string()), ("geometry", pa.binary())])
    kept = pa.schema([(identifier, number), *own, (label, pa.int32()), ("geometry", pa.binary())])
    out.parent.mkdir(parents=True, exist_ok=True)
    told = examined.told("id", *names, "label", "what", "reason", "wkb")
    faults = (rows.filter(pc.is_in(rows["what"], pa.array(FAULTS))) for rows in told)
    rows = (_renamed(fault.drop_columns("what"), rejected) for fault in faults)
    write_vector(rows, rejected, rejected_beside(out), Layer(found.crs))
    pieces = (_renamed(piece, kept) for piece in examined.kept("id", *names, "label", "wkb"))
    return write_vector(pieces, kept, out, Layer(found.crs, kind))


def _is_mixed(staged: Staged) -> bool:
    """Whether some features have points and some, or the same ones, polygons."""
    kinds: set[int] = set()
    for column in staged.column("wkb"):
        kinds |= set(shapely.get_dimensions(shapely.get_parts(decoded(column.combine_chunks()).geometries)).tolist())
    return {_POINTS, _POLYGONS} <= kinds


def _kind_of(examined: Examination) -> str:
    kinds: set[bool] = set()
    for pieces in examined.kept("area_m2"):
        kinds |= set(pc.not_equal(pieces["area_m2"], 0).unique().to_pylist())  # points have no area
    return {frozenset({True}): "Polygon", frozenset({False}): "Point"}.get(frozenset(kinds), "Unknown")


def _whole_ids(staged: Staged) -> bool:
    """Whether all ids can be written as whole numbers and be the same texts again, as 007 can't."""
    try:
        return all(ids.cast(pa.int64()).cast(pa.string()) == ids for ids in staged.column("id"))
    except pa.ArrowInvalid:
        return False


def _renamed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    return table.rename_columns(schema.names).cast(schema)


def _write_codes(codes: dict[str, int], out: Path) -> Path:
    """Keep which text became which code, in the form of a nomenclature."""
    path = out.with_name(f"{out.stem}_codes.txt")
    write_atomically(path, "".join(f"{name}:{code}\n" for name, code in sorted(codes.items(), key=lambda item: item[1])))
    return path


def report_table(report: Report) -> Table:
    """Faults and remarks with the numbers of features, for the terminal."""
    table = Table(box=None, header_style="bold")
    for name in ("", "what", "features", "outcome", "first"):
        table.add_column(name, justify="right" if name == "features" else "left", overflow="fold")
    for line in report.lines:
        fault = line.what in FAULTS
        more = ", ..." if line.features > len(line.first) else ""
        outcome = "rejected" if fault else _OUTCOME.get(line.what, "kept as it is")
        mark = "[red]✗[/]" if fault else "[yellow]-[/]"
        table.add_row(mark, line.what, str(line.features), outcome, escape(", ".join(line.first) + more))
    return table


def say(report: Report, request: Request, console: Console) -> None:
    """Tell on the terminal what was found and written."""
    name = request.source.address
    if len(report.files) > 1:
        console.print(f"{len(report.files)} files, whose features are numbered on: {', '.join(report.files)}", soft_wrap=True)
    console.print(
        f"{escape(name)}: {counted(report.features, 'feature')} in {report.crs}, label field '{request.source.label_field}'",
        soft_wrap=True,
    )
    if request.nomenclature is None:
        console.print("[yellow]![/] without --nomenclature any label is taken for a class", soft_wrap=True)
    if report.lines:
        console.print(report_table(report))
        console.print(f"each of them with reason and place: {escape(str(request.report))}", soft_wrap=True)
    if report.codes is not None:
        console.print(f"labels are texts; their codes: {escape(str(report.codes))}", soft_wrap=True)
    fix, usable = request.fix, f"{report.kept} of {counted(report.features, 'feature')}"
    if fix is not None:
        written = counted(report.polygons or 0, "single piece")
        text = f"{fix}: {written} of {usable}; {report.rejected} rejected are in {rejected_beside(fix)}"
        console.print(f"[green]✓[/] {escape(text)}", soft_wrap=True)
        if report.dropped:
            lost = escape(some(report.dropped, most=8))
            why = "not in all files, or of a kind that few formats know"
            console.print(f"[yellow]![/] fields that aren't kept ({why}): {lost}", soft_wrap=True)
    elif report.faults:
        text = f"{usable} can be used, {report.rejected} can't; --fix OUT.gpkg writes a mended copy"
        console.print(f"[red]✗[/] {text}", soft_wrap=True)
    else:
        remedy = "; --fix OUT.gpkg writes a mended copy" if report.lines else ""
        console.print(f"[green]✓[/] {usable} can be used{remedy}", soft_wrap=True)
