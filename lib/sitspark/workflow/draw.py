"""The stages that make a map: classify chunk by chunk, then mosaic."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sitspark.atomic import publish
from sitspark.errors import SitsparkError, counted
from sitspark.grid import Grid, Window
from sitspark.kernels.feature_space import KERNEL_VERSION
from sitspark.maps import products
from sitspark.maps.areas import AREAS, areas_of, to_csv
from sitspark.maps.mosaic import mosaic, sidecar_of
from sitspark.maps.record import ChunkRecord, choice_of, committed
from sitspark.maps.seams import Seam, seam_of
from sitspark.maps.stac import item
from sitspark.maps.style import qml
from sitspark.scenes.cube import READER_VERSION
from sitspark.settings import Settings
from sitspark.workflow.applicability import area_of
from sitspark.workflow.context import Context
from sitspark.workflow.drawing import draw_chunks, target_of
from sitspark.workflow.keys import digest
from sitspark.workflow.members import models_of
from sitspark.workflow.stage import Outcome, Stage
from sitspark.workflow.tables import replace_folder


def _classify(context: Context, _key: str) -> Outcome:
    folder, facts = context.folder, context.facts("train")
    model_id, chunks = facts["model_id"], _chunks_folder(context)
    target = target_of(context, models_of(facts), chunks)
    (records,) = draw_chunks(context, [target], context.products, name="classify", area=area_of(context))
    _write_manifest(records, chunks, folder.table("manifest"))
    precisions = {record.precision for record in records}
    lower = "" if precisions == {"fp32"} else f" in {', '.join(sorted(precisions))}"
    lower += " on GPUs" if any(record.device == "cuda" for record in records) else ""
    pixels = sum(record.classified for record in records)
    area = sum(record.window.pixels for record in records)
    spent = sum(record.cpu_seconds for record in records)
    planned = context.planned("classify")
    beside = "" if planned is None else f" ({planned.core_seconds:.1f} s were planned)"
    return Outcome(
        f"{pixels:,} of {area:,} pixels in {counted(len(records), 'chunk')}{lower}, "
        f"{max(record.peak_mb for record in records)} MB at most in a worker, {spent:.1f} s of one core{beside}",
        {
            "model_id": model_id,
            "chunks": str(chunks.relative_to(folder.path)),
            "pixels": pixels,
            "cpu_seconds": round(spent, 2),
        },
        (chunks, folder.table("manifest")),
        {path: sha256 for record in records for path, sha256 in record.sums(chunks).items()},
    )


def _write_manifest(records: list[ChunkRecord], chunks: Path, target: Path) -> None:
    """The manifest table: one row a written file; its metadata say which precisions were tried, if there were any."""
    rows = [
        {
            "chunk_id": record.chunk_id,
            "product": name,
            "path": str(chunks / written.name),
            "sha256": written.sha256,
            "bytes": written.bytes,
            "pixels_classified": record.classified,
            "dates": record.dates,
            "precision": record.precision,
            "device": record.device,
            "host": record.host,
            "task_attempt": record.attempt,
            "seconds": list(record.seconds.items()),
            "cpu_seconds": record.cpu_seconds,
            "peak_memory_mb": record.peak_mb,
        }
        for record in records
        for name, written in record.files.items()
    ]
    noted = choice_of(chunks)
    schema = pa.schema(
        [
            ("chunk_id", pa.string()),
            ("product", pa.string()),
            ("path", pa.string()),
            ("sha256", pa.string()),
            ("bytes", pa.int64()),
            ("pixels_classified", pa.int64()),
            ("dates", pa.int32()),
            ("precision", pa.string()),
            ("device", pa.string()),
            ("host", pa.string()),
            ("task_attempt", pa.int32()),
            ("seconds", pa.map_(pa.string(), pa.float64())),
            ("cpu_seconds", pa.float64()),
            ("peak_memory_mb", pa.int32()),
        ],
        {"precision": noted.read_bytes()} if noted.exists() else None,
    )
    draft = target.with_name(f".{target.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    content = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema), content, compression="zstd")
    publish(draft / "part-0.parquet", content.getvalue().to_pybytes())
    replace_folder(draft, target)


def _chunks_of(manifest: Path) -> set[str]:
    """The chunks that the manifest names."""
    return set(pq.read_table(manifest, columns=["chunk_id"])["chunk_id"].to_pylist())


def _mosaic(context: Context, _key: str) -> Outcome:
    facts, folder, covered = context.facts("classify"), context.folder, context.coverage
    target = folder.map(facts["model_id"])
    chunks = folder.path / facts["chunks"]
    drawn = context.products
    records = committed(chunks, drawn)
    lost = _chunks_of(folder.table("manifest")) - {record.chunk_id for record in records}
    if lost:
        folder.forget("classify")
        raise SitsparkError(
            f"mosaic: {counted(len(lost), 'written chunk')} missing or damaged in {chunks}, as {min(lost)}; run the same "
            "command again: they are classified anew"
        )
    _forget_products(target, drawn)
    extent = Window.around(record.window for record in records) if context.ground else covered.grid.window
    grounds = [(target, extent, records)]
    if context.settings.map.per_tile:
        for tile in sorted({record.tile for record in records}):
            own = [record for record in records if record.tile == tile]
            grounds.append((target / "tiles" / tile, Window.around(record.window for record in own), own))
    paths: list[Path] = []
    with context.voice.bar("mosaic", len(drawn) * len(grounds), "rasters") as update:
        for place, window, parts in grounds:
            for product in drawn:
                update(len(paths), product.name)
                paths.append(place / f"{product.name}.tif")
                mosaic(
                    [(chunks / r.files[product.name].name, r.window.shifted(-window.row, -window.col)) for r in parts],
                    covered.grid.cropped(window),
                    paths[-1],
                    product=product,
                    nomenclature=context.nomenclature if product.name == "classification" else None,
                )
    described = [path for place, window, _ in grounds for path in _describe(context, place, covered.grid.cropped(window))]
    grid = covered.grid.cropped(extent)
    seam = seam_of(target / "classification.tif", covered.territories, origin=extent)
    if seam is not None and seam.is_visible:
        context.voice.note(visible_in_words(seam, owner=context.settings.grid.overlap == "owner"))
    sidecars = (sidecar_of(path) for path in paths if path.stem == "classification")
    return Outcome(
        f"{', '.join(f'{product.name}.tif' for product in drawn)} of {grid.width} x {grid.height} pixels"
        + (f", and of {counted(len(grounds) - 1, 'tile')}" if len(grounds) > 1 else "")
        + context.beside("mosaic"),
        {"map": str(target.relative_to(folder.path)), "seam": asdict(seam) if seam else None},
        (*paths, *sidecars, *described, *_sum_up(context, target, grid, records)),
    )


def visible_in_words(seam: Seam, *, owner: bool) -> str:
    """What is said of borders that a reader of the map will see, and what to do where each tile draws its `owner`'s ground."""
    told = f"neighbouring pixels differ in class {seam.ratio:.1f} times as often across the borders of tiles as beside them"
    if not owner:
        return told
    return (
        f"{told}; grid.overlap: merge takes the acquisitions of all tiles for one series where they overlap, blend lets their "
        "maps pass into each other"
    )


def _forget_products(target: Path, drawn: Sequence[products.Product]) -> None:
    """Remove the rasters of earlier settings, which nobody should take for those of the present ones."""
    wanted = {f"{product.name}.tif" for product in drawn}
    shutil.rmtree(target / "tiles", ignore_errors=True)
    # those of later stages are made of the map that was here before
    for stale in (*target.glob("*.tif"), *target.glob("regularised*"), *target.glob("polygons.*")):
        if stale.name not in wanted:
            stale.unlink(missing_ok=True)


def _describe(context: Context, place: Path, grid: Grid) -> tuple[Path, ...]:
    """What lies beside the rasters of a map, or of one tile of it: style and STAC item."""
    nomenclature, period = context.nomenclature, context.coverage.period
    name = "-".join(place.relative_to(context.folder.path / "maps").parts[::2])  # <map>, or <map>/tiles/<tile>
    described = item(name, grid, products=context.products, nomenclature=nomenclature, first=period.first, last=period.last)
    return _published(
        place,
        {
            "legend.qml": qml(nomenclature).encode(),
            "item.json": json.dumps(described, indent=2, ensure_ascii=False).encode(),
        },
    )


def _sum_up(context: Context, target: Path, grid: Grid, records: Sequence[ChunkRecord]) -> tuple[Path, ...]:
    """Picture and areas of a map."""
    # matplotlib takes a second to import
    from sitspark.accuracy import quicklook

    nomenclature = context.nomenclature
    picture = quicklook.classification_figure(quicklook.read_class_quicklook(target / "classification.tif"), nomenclature)
    areas = to_csv(areas_of(records, grid), nomenclature).encode()
    return _published(target, {AREAS: areas, "quicklook.png": picture})


def _published(place: Path, contents: Mapping[str, bytes]) -> tuple[Path, ...]:
    for name, content in contents.items():
        publish(place / name, content)
    return tuple(place / name for name in contents)


def chunks_begun(context: Context) -> int:
    """How many chunks are noted as written with all products of the present settings, of a map that may not be finished."""
    records = (ChunkRecord.read(path) for path in _chunks_folder(context).glob("[!.]*.json"))
    return sum(record is not None and record.has(context.products) for record in records)


def _chunks_folder(context: Context) -> Path:
    """Where the chunks of the present settings lie; those of others stand beside it until they are removed."""
    return context.folder.map(context.facts("train")["model_id"]) / "chunks" / _chunks_key(context)[:16]


def _chunks_key(context: Context) -> str:
    """The key of the chunks' folder: what their pixels depend on. Which products they have, their records say."""
    records = context.folder.records()
    before = [records[name].key for name in _BEFORE]
    if "dissimilarity" in context.settings.map.products:
        area = records.get("applicability")  # which `sitspark plan` may not find
        before.append(area.key if area else "")
    return digest(KERNEL_VERSION, of_pixels(context), before)


def of_pixels(context: Context) -> Any:
    """What the pixels of a map depend on beside the stages before it."""
    grid, drawn = context.settings.grid, context.settings.map
    precision = None if drawn.precision == "fp32" else [drawn.precision, drawn.precision_limit]
    device = [] if drawn.device == "auto" else [drawn.device]
    several = [drawn.combine, drawn.boundary and drawn.boundary.model_dump(mode="json")]
    return [grid.interpolator, grid.overlap, READER_VERSION, products.PRODUCTS_VERSION, precision, several, *device]


def _classify_inputs(context: Context) -> Any:
    wanted = context.settings.map
    scaled = {"probability", "entropy", "margin"} & set(wanted.products)
    scale = wanted.probability_scale if scaled else None
    return [of_pixels(context), wanted.products, scale]


def _mosaic_inputs(context: Context) -> Any:
    return [_legend(context), context.settings.map.per_tile]


def _legend(context: Context) -> Any:
    return [[c.code, c.name, c.colour] for c in context.nomenclature]


_BEFORE = ("scenes", "chunks", "samples", "train")

_CLASSIFY = Stage("classify", _BEFORE, KERNEL_VERSION, _classify_inputs, _classify)
_MOSAIC = Stage("mosaic", ("classify",), 4, _mosaic_inputs, _mosaic)


def stages(settings: Settings) -> tuple[Stage, ...]:
    """The stages that make the map; one that shows dissimilarity is drawn after the area of applicability is found."""
    if "dissimilarity" not in settings.map.products:
        return _CLASSIFY, _MOSAIC
    return replace(_CLASSIFY, after=(*_BEFORE, "applicability")), _MOSAIC
