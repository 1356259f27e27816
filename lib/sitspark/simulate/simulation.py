"""Writing a whole simulated landscape: products, polygons, nomenclature and the true map."""

import json
import multiprocessing
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sitspark.errors import SitsparkError
from sitspark.simulate.acquisitions import Acquisition, acquisitions
from sitspark.simulate.catalogue import nomenclature
from sitspark.simulate.dirt import soiled
from sitspark.simulate.landscape import Landscape
from sitspark.simulate.polygons import survey
from sitspark.simulate.product import place_of, write_product
from sitspark.simulate.truth import write_legend, write_truth
from sitspark.simulate.vector_files import write_polygons

VERSION = 1  # of the content: a landscape simulated by another version is written anew
DONE, BEGUN = "simulation.json", "simulation.begun.json"
CONTENT = ("scenes", "ground_truth", "truth", "nomenclature.txt", "colours.txt")

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a simulation wrote, or found written.

    scenes: number of products, in `scenes_folder`/tile/product. bytes: of all products. polygons: number of features in
    each polygon file. dirt: number of faulty features by kind. reused: whether the folder already held this landscape.
    """

    folder: Path
    tiles: tuple[str, ...]
    scenes: int
    bytes: int
    polygons: int
    dirt: Mapping[str, int]
    reused: bool

    @property
    def scenes_folder(self) -> Path:
        """The folder of the tiles' folders."""
        return self.folder / "scenes"

    @property
    def shapefile(self) -> Path:
        """The labelled polygons, with the faults of a real file; .gpkg and .parquet hold the same."""
        return self.folder / "ground_truth" / "polygons.shp"

    @property
    def geopackage(self) -> Path:
        """The labelled polygons as GeoPackage."""
        return self.folder / "ground_truth" / "polygons.gpkg"

    @property
    def geoparquet(self) -> Path:
        """The labelled polygons as GeoParquet."""
        return self.folder / "ground_truth" / "polygons.parquet"

    @property
    def dirt_list(self) -> Path:
        """CSV (id, kind) of the faulty features."""
        return self.folder / "ground_truth" / "dirt.csv"

    @property
    def nomenclature(self) -> Path:
        """Class names, `name:code` a line."""
        return self.folder / "nomenclature.txt"

    @property
    def colours(self) -> Path:
        """Class colours, `code red green blue` a line."""
        return self.folder / "colours.txt"

    @property
    def truth(self) -> Path:
        """The true class map on the 10 m grid of the whole area."""
        return self.folder / "truth" / "classes.tif"


def simulate(out: Path, landscape: Landscape, *, workers: int | None = None, on_progress: Progress | None = None) -> Simulation:
    """Write a landscape into a folder, or find it there.

    The bytes depend on the landscape alone. A folder with the same landscape is left as it is; an interrupted
    simulation is completed; one of another landscape is replaced. on_progress(done, all) is called after every product.
    workers: processes, None for one per core; they are spawned, so a script that calls this with more than one needs
    `if __name__ == "__main__"`.

    Raises SitsparkError where the folder holds scenes or ground truth that no simulation wrote, or can't be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SitsparkError(f"{out}: can't be written ({error.strerror}); choose another folder") from None
    description = _description(landscape)
    finished = _read(out / DONE)
    work = [acquisition for tile in landscape.extents for acquisition in acquisitions(landscape, tile)]
    if finished is not None and finished["landscape"] == description and _holds(out, landscape, work):
        return _result(out, finished, reused=True)
    _prepare(out, description)
    classes = nomenclature(landscape.classes)
    write_legend(classes, out)
    write_truth(landscape, classes, out / "truth" / "classes.tif")
    features = soiled(landscape, survey(landscape))
    write_polygons(features, classes, out / "ground_truth")
    sizes = []
    for size in _write_products(landscape, work, out / "scenes", workers or os.cpu_count() or 1):
        sizes.append(size)
        if on_progress is not None:
            on_progress(len(sizes), len(work))
    written = {
        "landscape": description,
        "scenes": len(sizes),
        "bytes": sum(sizes),
        "polygons": len(features),
        "dirt": dict(sorted(Counter(feature.dirt for feature in features if feature.dirt).items())),
    }
    (out / BEGUN).write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    (out / BEGUN).replace(out / DONE)
    return _result(out, written, reused=False)


def _description(landscape: Landscape) -> dict[str, Any]:
    return {"simulator": VERSION, **asdict(landscape), "start": landscape.start.isoformat()}


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return content if isinstance(content, dict) and "landscape" in content else None


def _result(out: Path, written: Mapping[str, Any], *, reused: bool) -> Simulation:
    landscape = written["landscape"]
    tiles = tuple(Landscape(tiles=landscape["tiles"]).extents)
    return Simulation(out, tiles, written["scenes"], written["bytes"], written["polygons"], written["dirt"], reused)


def _prepare(out: Path, description: Mapping[str, Any]) -> None:
    """Make the folder ready: keep finished products of the same landscape, remove every other simulation's content."""
    marks = [_read(out / name) for name in (DONE, BEGUN)]
    stale = ["ground_truth", "truth"]
    if not any(mark is not None and mark["landscape"] == description for mark in marks):
        present = [name for name in CONTENT if (out / name).exists()]
        if present and not any((out / name).exists() for name in (DONE, BEGUN)):
            raise SitsparkError(f"{out}: holds '{present[0]}' that no simulation wrote; name another folder")
        stale.append("scenes")
    out.mkdir(parents=True, exist_ok=True)
    # an empty mark while content is removed: an interruption leaves a folder that is ours and of no landscape
    (out / BEGUN).write_text("{}", encoding="utf-8")
    (out / DONE).unlink(missing_ok=True)
    for folder in [*(out / name for name in stale), *out.glob("scenes/*/.SENTINEL2*")]:
        shutil.rmtree(folder) if folder.is_dir() else folder.unlink(missing_ok=True)
    (out / "ground_truth").mkdir()
    (out / "truth").mkdir()
    (out / BEGUN).write_text(json.dumps({"landscape": description}), encoding="utf-8")


def _holds(out: Path, landscape: Landscape, work: list[Acquisition]) -> bool:
    return all(place_of(landscape, acquisition, out / "scenes" / acquisition.tile).exists() for acquisition in work)


def _write_products(landscape: Landscape, work: list[Acquisition], folder: Path, workers: int) -> Iterator[int]:
    """Write all products and yield their bytes as they are done."""
    if workers == 1:
        for acquisition in work:
            yield write_product(landscape, acquisition, folder / acquisition.tile)
        return
    # a fork of a process that holds a JVM or compiled threads may hang
    pool = ProcessPoolExecutor(min(workers, len(work)), multiprocessing.get_context("spawn"))
    try:
        tasks = [pool.submit(write_product, landscape, each, folder / each.tile) for each in work]
        for task in as_completed(tasks):
            yield task.result()
    finally:
        pool.shutdown(cancel_futures=True)
