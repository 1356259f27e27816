"""The stages that make a map: classify chunk by chunk, then mosaic."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sitspark.atomic import write_atomically
from sitspark.errors import SitsparkError, counted
from sitspark.grid import Window
from sitspark.kernels.feature_space import KERNEL_VERSION
from sitspark.maps import products
from sitspark.maps.mosaic import mosaic
from sitspark.maps.record import ChunkRecord, committed
from sitspark.maps.stac import item
from sitspark.maps.style import qml
from sitspark.scenes.cube import READER_VERSION
from sitspark.workflow.context import Context
from sitspark.workflow.stage import Outcome, Stage
from sitspark.workflow.tables import replace_folder

_TASKS = 2000  # a driver keeps the state of every task: beyond this several chunks share one


def _classify(context: Context, key: str) -> Outcome:
    # torch takes seconds to import: only when there is something to classify
    from sitspark.maps.chunk import ModelTarget
    from sitspark.maps.classify import Pass, classify, descriptors_missing
    from sitspark.models.card import read_card, require_features

    folder, recipe = context.folder, context.recipe
    model_id = context.facts("train")["model_id"]
    require_features(read_card(folder.model(model_id)), recipe.space, of="classify: what the settings describe")
    everything = folder.map(model_id) / "chunks"
    chunks = everything / key[:16]
    for stale in everything.glob("*"):
        if stale != chunks:
            shutil.rmtree(stale)
    chunks.mkdir(parents=True, exist_ok=True)
    plan = context.plan().cache()
    total = plan.count()
    done = [record.chunk_id for record in committed(chunks)]
    if done:
        context.voice.note(f"{len(done)} of {counted(total, 'chunk')} written already; going on with the rest")
    target = ModelTarget(folder.model(model_id), chunks, context.own_code)
    imagery = Pass(folder.table("scenes"), context.reading, recipe, (target,))
    missing = total - len(done)
    if missing:
        drawn = classify(descriptors_missing(plan, done), imagery, tasks=min(missing, _TASKS))
        with context.voice.watch("classify", total, "chunks", lambda: sum(1 for _ in chunks.glob("[!.]*.json"))):
            drawn.write.format("noop").mode("overwrite").save()
    plan.unpersist()
    records = committed(chunks)
    if len(records) != total:
        raise SitsparkError(
            f"classify: {total - len(records)} of {counted(total, 'chunk')} missing in {chunks}; run the same command again"
        )
    _write_manifest(records, chunks, folder.table("manifest"))
    pixels = sum(record.classified for record in records)
    area = sum(record.height * record.width for record in records)
    return Outcome(
        f"{pixels:,} of {area:,} pixels in {counted(total, 'chunk')}, {max(r.peak_mb for r in records)} MB at most in a worker",
        {"model_id": model_id, "chunks": str(chunks.relative_to(folder.path)), "pixels": pixels},
        (chunks, folder.table("manifest")),
    )


def _write_manifest(records: list[ChunkRecord], chunks: Path, target: Path) -> None:
    """The manifest table: one row a written file."""
    rows = [
        {
            "chunk_id": record.chunk_id,
            "product": name,
            "path": str(chunks / written.name),
            "sha256": written.sha256,
            "bytes": written.bytes,
            "pixels_classified": record.classified,
            "dates": record.dates,
            "host": record.host,
            "task_attempt": record.attempt,
            "seconds": list(record.seconds.items()),
            "peak_memory_mb": record.peak_mb,
        }
        for record in records
        for name, written in record.files.items()
    ]
    schema = pa.schema(
        [
            ("chunk_id", pa.string()),
            ("product", pa.string()),
            ("path", pa.string()),
            ("sha256", pa.string()),
            ("bytes", pa.int64()),
            ("pixels_classified", pa.int64()),
            ("dates", pa.int32()),
            ("host", pa.string()),
            ("task_attempt", pa.int32()),
            ("seconds", pa.map_(pa.string(), pa.float64())),
            ("peak_memory_mb", pa.int32()),
        ]
    )
    draft = target.with_name(f".{target.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, schema), draft / "part-0.parquet", compression="zstd")
    replace_folder(draft, target)


def _chunks_of(manifest: Path) -> set[str]:
    """The chunks that the manifest names."""
    return set(pq.read_table(manifest, columns=["chunk_id"])["chunk_id"].to_pylist())


def _mosaic(context: Context, _key: str) -> Outcome:
    facts, folder, covered = context.facts("classify"), context.folder, context.coverage
    target = folder.map(facts["model_id"])
    chunks = folder.path / facts["chunks"]
    records = committed(chunks)
    lost = _chunks_of(folder.table("manifest")) - {record.chunk_id for record in records}
    if lost:
        folder.forget("classify")
        raise SitsparkError(
            f"mosaic: {counted(len(lost), 'written chunk')} missing or damaged in {chunks}, as {min(lost)}; run the same "
            "command again: they are classified anew"
        )
    windows = {record.chunk_id: Window(record.row, record.col, record.height, record.width) for record in records}
    extent = Window.around(windows.values()) if context.ground else covered.grid.window
    grid = covered.grid.cropped(extent)
    drawn = (products.classification(context.nomenclature.codes), products.CONFIDENCE, products.VALIDITY)
    paths = []
    with context.voice.bar("mosaic", len(drawn), "rasters") as update:
        for done, product in enumerate(drawn):
            update(done, product.name)
            path = target / f"{product.name}.tif"
            parts = [
                (chunks / record.files[product.name].name, windows[record.chunk_id].shifted(-extent.row, -extent.col))
                for record in records
            ]
            names = context.nomenclature if product.name == "classification" else None
            mosaic(parts, grid, path, product=product, nomenclature=names)
            paths.append(path)
    write_atomically(target / "legend.qml", qml(context.nomenclature))
    described = item(
        facts["model_id"],
        grid,
        products=drawn,
        nomenclature=context.nomenclature,
        first=covered.period.first,
        last=covered.period.last,
    )
    write_atomically(target / "item.json", json.dumps(described, indent=2, ensure_ascii=False))
    return Outcome(
        f"{', '.join(path.name for path in paths)} of {grid.width} x {grid.height} pixels",
        {"map": str(target.relative_to(folder.path))},
        (*paths, target / "legend.qml", target / "item.json"),
    )


def _classify_inputs(context: Context) -> Any:
    grid = context.settings.grid
    return [grid.interpolator, grid.overlap, READER_VERSION]


def _legend(context: Context) -> Any:
    return [[c.code, c.name, c.colour] for c in context.nomenclature]


STAGES = (
    Stage("classify", ("scenes", "chunks", "samples", "train"), KERNEL_VERSION, _classify_inputs, _classify),
    Stage("mosaic", ("classify",), 1, _legend, _mosaic),
)
