"""Validating settings and inputs before anything is computed; without Spark, so that the answer comes in seconds."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyogrio
import pyproj
import rasterio.warp
import shapely

from sitspark.classes import Nomenclature
from sitspark.errors import SitsparkError
from sitspark.ground_truth.read import inspect_vector
from sitspark.scenes.catalogue import bands_of, wanted_products
from sitspark.scenes.inspect import inspect_product
from sitspark.scenes.layouts import LAYOUTS
from sitspark.scenes.product import ProductName
from sitspark.settings import Settings

_THREADS = 8  # headers opened at a time: opening waits for the disk or the network


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what is right, or the sentence of what is wrong."""

    subject: str
    sentence: str
    wrong: bool


def check(settings: Settings) -> list[Finding]:
    """Look at every input; all problems are found, not only the first."""
    found = [
        _judged("output", lambda: _output(settings)),
        _judged("classes", lambda: _classes(settings)),
        _judged("ground truth", lambda: _ground_truth(settings)),
        _judged("features", lambda: _bands(settings)),
        _judged("scenes", lambda: _scenes(settings)),
    ]
    if not any(finding.wrong for finding in found if finding.subject in ("ground truth", "scenes")):
        found.append(_judged("overlap", lambda: _polygons_meet_imagery(settings)))
        found += _product_problems(settings)
    return found


def _judged(subject: str, look) -> Finding:  # type: ignore[no-untyped-def]
    try:
        return Finding(subject, look(), False)
    except SitsparkError as error:
        return Finding(subject, str(error), True)
    except Exception as error:
        # the other findings are worth telling all the same
        return Finding(subject, f"unforeseen {type(error).__name__}: {error}", True)


def _output(settings: Settings) -> str:
    existing = next(folder for folder in (settings.output, *settings.output.parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise SitsparkError(f"output: {settings.output} can't be written ({error.strerror}); choose another folder") from None
    return f"{settings.output} can be written"


def _classes(settings: Settings) -> str:
    classes = Nomenclature.read(settings.classes.nomenclature, settings.classes.colours)
    return f"{len(classes)} classes with colours"


def _ground_truth(settings: Settings) -> str:
    found = inspect_vector(settings.ground_truth)
    return f"{found.features} features in {found.crs}, label field '{settings.ground_truth.label_field}'"


def _bands(settings: Settings) -> str:
    layout, bands = LAYOUTS[settings.scenes.layout], bands_of(settings.scenes)
    needed = {"ndvi": (layout.red, layout.nir), "ndwi": (layout.nir, layout.swir), "brightness": ()}
    for index in settings.features.indices:
        absent = [band for band in needed[index] if band not in bands]
        if absent:
            raise SitsparkError(
                f"features.indices: {index} needs band {', '.join(absent)}, which scenes.bands leaves out; add the band "
                "or drop the index"
            )
    return f"{len(bands)} bands, {', '.join(settings.features.indices) or 'no index'}"


def _scenes(settings: Settings) -> str:
    products = wanted_products(settings.scenes)
    tiles = sorted({name.tile for _, name in products})
    days = sorted(name.acquired.date() for _, name in products)
    times = settings.time_series
    if (times.start and times.start > days[-1]) or (times.end and times.end < days[0]):
        raise SitsparkError(
            f"time_series: {times.start or days[0]} to {times.end or days[-1]} lies outside the imagery, which is of {days[0]} "
            f"to {days[-1]}; correct the dates, or leave them out"
        )
    return f"{len(products)} products of {len(tiles)} tiles ({', '.join(tiles)}), {days[0]} to {days[-1]}"


def _polygons_meet_imagery(settings: Settings) -> str:
    """Compare the extent of the polygons with that of one product of each tile."""
    layout, bands = LAYOUTS[settings.scenes.layout], bands_of(settings.scenes)
    boxes = []
    seen: set[str] = set()
    for path, name in wanted_products(settings.scenes):
        if name.tile in seen:
            continue
        inspected = inspect_product(path, layout, bands, reflectance=settings.scenes.reflectance)
        if inspected.problem is None and inspected.crs is not None:
            seen.add(name.tile)
            boxes.append(shapely.box(*rasterio.warp.transform_bounds(inspected.crs, "EPSG:4326", *inspected.assets[0].bounds)))
    vector = inspect_vector(settings.ground_truth)
    bounds = _vector_bounds(settings)
    transformer = pyproj.Transformer.from_crs(vector.crs, 4326, always_xy=True)
    extent = shapely.box(*transformer.transform_bounds(*bounds))
    if boxes and not any(box.intersects(extent) for box in boxes):
        raise SitsparkError(
            f"ground_truth.file: the features of {settings.ground_truth.file} lie at lon/lat "
            f"{', '.join(f'{v:.2f}' for v in extent.bounds)}, none of the {len(seen)} tiles reaches there; check the CRS "
            "of the file, or scenes.tiles"
        )
    return "the polygons' extent meets the imagery"


def _vector_bounds(settings: Settings) -> tuple[float, float, float, float]:
    path = settings.ground_truth.file
    if path.suffix != ".parquet":
        bounds: tuple[float, float, float, float] = tuple(pyogrio.read_info(path, force_total_bounds=True)["total_bounds"])
        return bounds
    import json

    import pyarrow.parquet as pq

    parquet = pq.ParquetFile(path)
    column = json.loads(parquet.schema_arrow.metadata[b"geo"])["primary_column"]
    boxes = [
        shapely.total_bounds(shapely.from_wkb(batch[column].to_numpy(zero_copy_only=False)))
        for batch in parquet.iter_batches(columns=[column])
    ]
    left, bottom, _, _ = (min(box[i] for box in boxes) for i in range(4))
    _, _, right, top = (max(box[i] for box in boxes) for i in range(4))
    return left, bottom, right, top


def _product_problems(settings: Settings) -> list[Finding]:
    """Headers of every product: missing files, damaged files."""
    layout, bands = LAYOUTS[settings.scenes.layout], bands_of(settings.scenes)
    skipped = settings.scenes.on_problem == "skip"

    def look(product: tuple[Path, ProductName]) -> str | None:
        return inspect_product(product[0], layout, bands, reflectance=settings.scenes.reflectance).problem

    with ThreadPoolExecutor(_THREADS) as pool:
        problems = list(pool.map(look, wanted_products(settings.scenes)))
    found = []
    for problem in problems:
        if problem is not None:
            sentence = f"will be left out: {problem}" if skipped else problem
            found.append(Finding("product", sentence, not skipped))
    return found or [Finding("products", "every band and mask is there, to its last block", False)]
