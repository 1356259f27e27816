"""The catalogue of an archive with planted defects: each is left out with its reason, and the rest is used."""

import io
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib.image
import pytest
import rasterio
from pyspark import SparkContext
from pyspark.sql import SparkSession
from rasterio.transform import Affine
from rich.console import Console

from sitspark.errors import SitsparkError
from sitspark.scenes.calendar import clear_share
from sitspark.scenes.catalogue import counts_left_out, first_left_out
from sitspark.scenes.left_out import Reason
from sitspark.scenes.table import scenes_of_tile
from sitspark.simulate import Simulation
from sitspark.workflow.ending import say_results
from sitspark.workflow.imagery import calendar_of
from sitspark.workflow.progress import Voice
from sitspark.workflow.run import run
from tests.conftest import FinishedRun, run_quietly, settings_of, settings_tree


def band(product: Path, name: str) -> Path:
    return next(product.glob(f"*_FRE_{name}.tif"))


def cut_short(product: Path) -> None:
    path = band(product, "B5")
    path.write_bytes(path.read_bytes()[:-100])


def remove_band(product: Path) -> None:
    band(product, "B11").unlink()


def remove_mask(product: Path) -> None:
    next(product.glob("MASKS/*_CLM_R1.tif")).unlink()


def no_image(product: Path) -> None:
    band(product, "B2").write_text("<html>503 Service Unavailable</html>")


def band_of_another_crs(product: Path) -> None:
    with rasterio.open(band(product, "B8"), "r+") as raster:
        raster.crs = "EPSG:32630"


def band_without_crs(product: Path) -> None:
    path = band(product, "B3")
    with rasterio.open(path) as raster:
        profile, values = raster.profile, raster.read()
    path.unlink()
    with rasterio.open(path, "w", **(profile | {"crs": None})) as raster:
        raster.write(values)


def band_of_another_place(product: Path) -> None:
    with rasterio.open(band(product, "B4"), "r+") as raster:
        raster.transform = raster.transform * Affine.translation(50, 0)


def all_of_another_crs(product: Path) -> None:
    for path in product.rglob("*.tif"):
        with rasterio.open(path, "r+") as raster:
            raster.crs = "EPSG:32630"


def damaged_metadata(product: Path) -> None:
    path = next(product.glob("*_MTD_ALL.xml"))
    path.write_text(path.read_text()[:-20])


def zip_cut_short(product: Path) -> None:
    packed = product.parent / f"{product.name}.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in product.rglob("*"):
            archive.write(file, file.relative_to(product.parent))
    packed.write_bytes(packed.read_bytes()[:-1000])
    shutil.rmtree(product)


def overcast(product: Path) -> None:
    path = next(product.glob("*_MTD_ALL.xml"))
    before, _, after = path.read_text().partition('name="CloudPercent">')
    path.write_text(f'{before}name="CloudPercent">99<{after.partition("<")[2]}')


def of_version_1(name: str) -> str:
    return name.replace("_V2-2", "_V1-9")


def processed_again(product: Path) -> None:
    shutil.copytree(product, product.with_name(of_version_1(product.name)))


def of_no_day(name: str) -> str:
    day = name.split("_")[1][:8]
    return name.replace(day, f"{day[:4]}0230")


def misname(product: Path) -> None:
    product.rename(product.with_name(of_no_day(product.name)))


@dataclass(frozen=True)
class Defect:
    """`scene` is the name of what is left out, from that of the product in which the defect is planted."""

    plant: Callable[[Path], object]
    reason: Reason
    words: str
    scene: Callable[[str], str] = str


DEFECTS = (
    Defect(cut_short, Reason.DAMAGED, "band B5 is cut short"),
    Defect(remove_band, Reason.DAMAGED, "band B11 is missing, there is no file"),
    Defect(remove_mask, Reason.DAMAGED, "mask CLM is missing, there is no file"),
    Defect(no_image, Reason.DAMAGED, "band B2 can't be opened"),
    Defect(band_of_another_crs, Reason.DAMAGED, "band B8 is in EPSG:32630, other files of it in EPSG:32631"),
    Defect(band_without_crs, Reason.DAMAGED, "band B3 has no CRS in"),
    Defect(band_of_another_place, Reason.DAMAGED, "band B4 lies elsewhere than EDG"),
    Defect(damaged_metadata, Reason.DAMAGED, "_MTD_ALL.xml is no XML"),
    Defect(zip_cut_short, Reason.DAMAGED, "the archive is cut short or damaged"),
    Defect(all_of_another_crs, Reason.CRS, "is in EPSG:32630 while most products are in EPSG:32631"),
    Defect(overcast, Reason.CLOUD, "99 % are clouds, more than scenes.max_cloud_cover (90 %)"),
    Defect(processed_again, Reason.DUPLICATE, "the same acquisition was processed later", of_version_1),
    Defect(misname, Reason.NO_DATE, "the date in its name doesn't exist", of_no_day),
)


def test_each_of_the_planted_defects_is_listed_with_its_reason(
    spark: SparkSession, simulation: Simulation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "scenes"
    for tile in ("31TCK", "31TDK"):
        shutil.copytree(simulation.folder / "scenes" / tile, archive / tile)
    products = sorted(archive.glob("*/*"), key=lambda path: path.name.split("_")[1])
    latest = products.pop()  # left out by its date
    for product, defect in zip(products, DEFECTS, strict=False):
        defect.plant(product)
    stranger = archive / "31TCK" / latest.name.replace("L2A", "L1C")
    stranger.mkdir()
    tree = settings_tree(simulation.folder, tmp_path / "out")
    day = latest.name.split("_")[1][:8]
    tree["scenes"] |= {"folder": str(archive), "max_left_out": 0.9, "max_cloud_cover": 90}
    tree["scenes"]["end"] = f"{day[:4]}-{day[4:6]}-{int(day[6:]) - 1:02d}"

    context, _ = run_quietly(tree, "calendar")
    say_results(context, ["calendar"], tmp_path / "settings.yaml")
    printed = " ".join(context.voice.console.file.getvalue().split())  # type: ignore[attr-defined]

    rows = {row.scene_id: row for row in context.table("scenes").where("left_out is not null").collect()}
    for product, defect in zip(products, DEFECTS, strict=False):
        scene = defect.scene(product.name)
        row = rows.pop(scene)
        assert (row.left_out, row.problem[: len(scene)]) == (defect.reason, scene)
        assert defect.words in row.problem
        assert scene in printed
    assert rows.pop(latest.name).left_out == Reason.DATE
    assert not rows
    assert stranger.name in printed
    used = context.facts("scenes")["products"]
    assert used == 20 + 1 - len(DEFECTS) - 1 == context.table("acquisitions").count()

    # of a longer list the driver takes the first, what is faulty before what was chosen
    scenes = context.table("scenes")
    assert counts_left_out(scenes) == Counter(defect.reason for defect in DEFECTS) + Counter([Reason.DATE])
    everything = first_left_out(scenes, 100)
    assert [product.reason.is_chosen for product in everything] == sorted(p.reason.is_chosen for p in everything)
    assert first_left_out(scenes, 3) == everything[:3]
    monkeypatch.setattr("sitspark.workflow.ending.LISTED", 3)
    context.voice.console.file.truncate(0)  # type: ignore[attr-defined]
    say_results(context, ["calendar"], tmp_path / "settings.yaml")
    printed = " ".join(context.voice.console.file.getvalue().split())  # type: ignore[attr-defined]
    assert f"{len(everything)} products left out" in printed and f"and {len(everything) - 3} more: " in printed
    # sentences are folded, the names in front of them aren't
    names = [product.sentence.partition(":")[0] for product in everything]
    assert [name in printed for name in names] == [number < 3 for number in range(len(names))]


def test_of_many_tiles_the_calendar_shows_the_first_and_counts_all(
    finished: FinishedRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = calendar_of(finished.context)
    assert whole.tiles == 4 and whole.tiles_beyond == 0 and whole.products == len(whole.acquisitions)
    assert list(whole.acquisitions) == sorted(whole.acquisitions, key=lambda a: (a.tile, a.acquired))
    shares = [a.clear_share for a in whole.acquisitions if a.clear_share is not None]
    assert whole.clear_share == pytest.approx(sum(shares) / len(shares))
    monkeypatch.setattr("sitspark.workflow.imagery.MOST_TILES", 1)
    shown = calendar_of(finished.context)
    first = whole.acquisitions[0].tile
    assert shown == replace(whole, acquisitions=tuple(a for a in whole.acquisitions if a.tile == first))
    assert shown.tiles_beyond == 3
    context = replace(finished.context, voice=Voice(Console(file=io.StringIO(), width=200)))
    say_results(context, ["calendar"], tmp_path / "settings.yaml")
    printed = context.voice.console.file.getvalue()  # type: ignore[attr-defined]
    assert "and 3 more tiles: " in printed and "from acquisitions order by" in printed


def test_the_calendar_has_the_clear_share_of_every_usable_product(finished, tmp_path: Path) -> None:
    context = finished.context
    rows = context.table("acquisitions").collect()
    table = context.folder.table("scenes")
    scenes = {s.scene_id: s for tile in context.coverage.tiles for s in scenes_of_tile(table, "sentinel2", tile)}
    assert {row.scene_id for row in rows} == set(scenes)
    for row in rows[::7]:
        assert row.clear_share == clear_share(scenes[row.scene_id], context.leading.selection.layout)
    assert matplotlib.image.imread(context.folder.calendar).std() > 0.05  # something is drawn


def test_an_archive_can_be_looked_at_before_there_is_any_ground_truth(
    spark: SparkSession, simulation: Simulation, tmp_path: Path
) -> None:
    tree = settings_tree(simulation.folder, tmp_path / "out")
    tree["scenes"]["tiles"] = ["31TCK"]
    tree["ground_truth"]["file"] = str(tmp_path / "not_yet.gpkg")
    context, printed = run_quietly(tree, "calendar")
    assert context.facts("scenes")["products"] == 10 and "calendar" in printed


def test_a_misnamed_product_is_noticed_in_an_archive_that_was_catalogued_before(
    spark: SparkSession, simulation: Simulation, tmp_path: Path
) -> None:
    """It has no fingerprint: without its own part of the key the stage would be taken as unchanged."""
    shutil.copytree(simulation.folder / "scenes" / "31TCK", tmp_path / "scenes" / "31TCK")
    tree = settings_tree(simulation.folder, tmp_path / "out")
    tree["scenes"] |= {"folder": str(tmp_path / "scenes"), "max_left_out": 0.5}
    context, _ = run_quietly(tree, "scenes")
    assert context.facts("scenes")["faulty"] == []
    product = next((tmp_path / "scenes" / "31TCK").iterdir())
    shutil.copytree(product, product.with_name(of_no_day(product.name)))
    context, _ = run_quietly(tree, "scenes")
    (sentence,) = context.facts("scenes")["faulty"]
    assert sentence.startswith(f"{of_no_day(product.name)}: the date in its name doesn't exist")


def test_what_is_faulty_is_listed_even_where_it_stops_the_run(
    spark: SparkSession, simulation: Simulation, tmp_path: Path
) -> None:
    shutil.copytree(simulation.folder / "scenes" / "31TCK", tmp_path / "scenes" / "31TCK")
    products = sorted((tmp_path / "scenes").glob("*/*"))
    for product in products[:6]:
        remove_band(product)
    tree = settings_tree(simulation.folder, tmp_path / "out")
    tree["scenes"]["folder"] = str(tmp_path / "scenes")
    console = Console(file=io.StringIO(), width=120)
    with pytest.raises(SitsparkError, match="6 of 10 products can't be used"):
        run(settings_of(tree), ("calendar",), console=console)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(product.name in printed.replace("\n", "") for product in products[:6])


class _SparkIsAskedForError(Exception):
    pass


class _Finished:
    """A context of which nothing has started Spark yet."""

    def table(self, _name: str) -> None:
        raise _SparkIsAskedForError


def test_the_calendar_of_finished_stages_starts_spark_before_all_else(spark: SparkSession, monkeypatch: Any) -> None:
    """Where all is unchanged nothing has started it, and no column can be named without."""
    monkeypatch.setattr(SparkContext, "_active_spark_context", None)
    with pytest.raises(_SparkIsAskedForError):
        calendar_of(_Finished())  # type: ignore[arg-type]  # all that it is asked for
