"""Delivering a run to a folder and to S3: what is there, what is copied again, what a reader finds."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rich.console import Console

from sitspark.errors import SitsparkError
from sitspark.hashing import sha256_of
from sitspark.location import Location
from sitspark.scenes import store
from sitspark.scenes.inspect import inspect_product
from sitspark.scenes.layouts import Selection
from sitspark.scenes.listing import list_archive
from sitspark.settings import ScenesSettings, Settings
from sitspark.workflow.check import glance
from sitspark.workflow.context import Context
from sitspark.workflow.deliver import MANIFEST, deliver
from sitspark.workflow.run import done
from tests.conftest import FinishedRun, settings_of


def delivered(run: FinishedRun, target: Location) -> tuple[Context, str]:
    """Deliver; the run, and what was said."""
    settings: Settings = settings_of(run.tree | {"delivery": str(target)})
    console = Console(record=True, width=200)
    context = Context.of(settings, console)
    deliver(context, target, done(context))
    return context, console.export_text()


@pytest.fixture(params=["folder", "s3"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    if request.param == "folder":
        return Location.of(tmp_path / "given" / "away")
    return Location.of(f"{request.getfixturevalue('bucket')}/{tmp_path.name}/away")


def test_the_destination_holds_the_bytes_of_the_run_without_its_work(run_copy: FinishedRun, target: Location) -> None:
    context, said = delivered(run_copy, target)
    sizes = store.sizes_below(target)
    assert f"{len(sizes) - 1} of {len(sizes) - 1} files at {target} copied" in said
    map_id = run_copy.map.name
    assert {f"maps/{map_id}/classification.tif", f"maps/{map_id}/item.json", "report/index.html", "run.json"} <= set(sizes)
    assert not [name for name in sizes if "chunks" in name or name.startswith(("tables", "scratch"))]
    manifest = json.loads(store.read(target / MANIFEST))
    for name, file in manifest.items():
        own = context.folder.path / name
        assert (file["sha256"], sizes[name]) == (sha256_of(own), own.stat().st_size) and store.read(target / name)
    assert sorted(sizes) == sorted([*manifest, MANIFEST])


def test_only_what_differs_or_is_missing_is_copied_again(run_copy: FinishedRun, target: Location) -> None:
    delivered(run_copy, target)
    _, said = delivered(run_copy, target)
    assert "delivery" in said and "unchanged" in said
    page, metrics = "report/index.html", "accuracy/metrics.json"
    store.remove(target / page)
    (run_copy.context.folder.path / metrics).write_text("{}")
    _, said = delivered(run_copy, target)
    assert "2 of " in said and "copied" in said
    assert store.read(target / metrics) == b"{}" and page in store.sizes_below(target)


def test_a_delivery_that_did_not_end_has_no_manifest(
    run_copy: FinishedRun, target: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered(run_copy, target)
    (run_copy.context.folder.path / "accuracy" / "metrics.json").write_text("{}")
    write = store.write

    def cut(location: Location, content: Path | bytes, *, content_type: str) -> None:
        raise SitsparkError(f"{location}: the line is cut")

    monkeypatch.setattr(store, "write", cut)
    with pytest.raises(SitsparkError, match="the line is cut"):
        delivered(run_copy, target)
    assert MANIFEST not in store.sizes_below(target)
    monkeypatch.setattr(store, "write", write)
    # what is there by name may be of any run: all is copied
    _, said = delivered(run_copy, target)
    assert "copied" in said and MANIFEST in store.sizes_below(target)


def test_a_delivered_map_is_read_from_its_stac_item(run_copy: FinishedRun, target: Location) -> None:
    """As a product of another run would be: class codes as they are, no header opened where the item has it."""
    delivered(run_copy, target)
    name = f"maps/{run_copy.map.name}"
    description = {"bands": {"land_cover": "classification"}, "scale": 1e-4, "sensor": "map"}
    tree = {"folder": f"{target}/{name}/item.json", "layout": "stac", "description": description}
    settings = ScenesSettings.model_validate(tree)
    (product,) = list_archive(settings).products
    assert product.source.is_described and product.scene_id == run_copy.map.name
    found = inspect_product(product.source, Selection.of(settings))
    (asset,) = found.assets
    with (
        rasterio.open(run_copy.map / "classification.tif") as own,
        rasterio.Env(**store.gdal_options(asset.path)),
        rasterio.open(asset.path) as raster,
    ):
        assert np.array_equal(raster.read(1), own.read(1))
        assert (asset.height, asset.width, asset.dtype) == (own.height, own.width, own.dtypes[0])
        assert asset.transform == tuple(own.transform)[:6] and found.crs == own.crs.to_string()
    assert (asset.scale, asset.offset, asset.nodata) == (1, 0, 0)


def test_browsers_are_told_what_a_file_is(run_copy: FinishedRun, bucket: str, tmp_path: Path) -> None:
    target = Location.of(f"{bucket}/{tmp_path.name}")
    delivered(run_copy, target)
    where = {"report/index.html": "text/html", f"maps/{run_copy.map.name}/item.json": "application/geo+json"}
    where[f"maps/{run_copy.map.name}/classification.tif"] = "image/tiff; application=geotiff; profile=cloud-optimized"
    import boto3

    for name, kind in where.items():
        head = boto3.client("s3").head_object(Bucket=target.root.removeprefix("s3://"), Key=(target / name).key)
        assert head["ContentType"] == kind


def test_a_destination_that_can_not_be_written_is_a_sentence(run_copy: FinishedRun, tmp_path: Path, bucket: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SitsparkError, match="can't be written"):
        delivered(run_copy, Location.of(tmp_path / "file" / "below"))
    with pytest.raises(SitsparkError, match=r"s3://nowhere/a can't be listed .*credentials in the environment"):
        delivered(run_copy, Location.of("s3://nowhere/a"))


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("https://example.org/x", "it is a web server; name a folder, or s3://"),
        ("{output}/given", "lies in the run's own folder"),
        ("{output}", "lies in the run's own folder"),
        ("/proc/given", "can't be written"),
    ],
)
def test_a_destination_is_tried_before_a_run(finished: FinishedRun, place: str, words: str) -> None:
    tree = finished.tree | {"delivery": place.format(output=finished.tree["output"])}
    found = {finding.subject: finding for finding in glance(Context.of(settings_of(tree), Console(file=io.StringIO())))}
    assert found["delivery"].wrong and words in found["delivery"].sentence


def test_the_map_of_other_settings_is_not_delivered(run_copy: FinishedRun, target: Location) -> None:
    tree = run_copy.tree | {"training": run_copy.tree["training"] | {"epochs": 13}}
    delivered(FinishedRun(run_copy.context, tree, run_copy.simulated), target)
    assert not [name for name in store.sizes_below(target) if name.startswith(("maps", "models"))]
