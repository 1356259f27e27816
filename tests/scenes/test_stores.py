"""The object stores of Google and Azure: one environment leads obstore and GDAL to the same service."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import obstore
import pytest

from sitspark.errors import SitsparkError
from sitspark.location import Location
from sitspark.scenes import store
from sitspark.scenes.cube import read_cube
from sitspark.scenes.inspect import inspect_product
from sitspark.scenes.layouts import Selection
from sitspark.scenes.product import Contents, Layout, Source, StoredFile
from sitspark.scenes.theia import L2A as THEIA
from tests import servers

from .products import grid_of, noise, packed, scene_of, write_raster, write_theia

SCHEMES = ("gs", "az")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_products_are_found_and_read_as_on_disk(scheme: str, buckets: Path, tmp_path: Path) -> None:
    """One is a folder, one a .zip."""
    days = ("20180103-105429", "20180113-105429")
    products = [write_theia(tmp_path, {"B4": noise(50, 60, seed)}, when=day) for seed, day in enumerate(days)]
    archive = buckets / servers.BUCKET / f"archive-{scheme}"
    shutil.copytree(products[0], archive / products[0].name)
    packed(products[1], archive / f"{products[1].name}.zip")
    found = store.listed(Location.of(f"{scheme}://{servers.BUCKET}/archive-{scheme}"))
    assert [(entry.location.name, entry.is_folder) for entry in found] == [
        (products[0].name, True),
        (f"{products[1].name}.zip", False),
    ]
    there, here = (
        read_cube([scene_of(p, ("B4",)) for p in places], grid_of(50, 60), layout=THEIA, bands=("B4",), interpolator="nearest")
        for places in ([entry.location.address for entry in found], products)
    )
    assert (there.reflectance == here.reflectance).all() and (there.valid == here.valid).all() and there.valid.all()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_objects_are_written_with_their_type_and_removed(scheme: str, buckets: Path, tmp_path: Path) -> None:
    (tmp_path / "map.txt").write_text("a map")
    for content in (tmp_path / "map.txt", b"a map"):
        place = Location.of(f"{scheme}://{servers.BUCKET}/written/of 2018/{scheme}.txt")
        store.write(place, content, content_type="text/plain")
        assert store.read(place) == b"a map" and store.size(place) == 5
        assert obstore.get(store._store(place.root), place.key).attributes["Content-Type"] == "text/plain"
        assert [entry.location for entry in store.objects_below(place.of(f"{place.root}/written"))] == [place]
        store.remove(place)
        assert store.read_if_there(place) is None
        store.remove(place)  # what isn't there needs no removal


def _problem(address: str) -> str | None:
    """What is said of a file that GDAL opens."""
    selection = Selection(Layout("pattern", "own", ("B4",), {}, None, None, None), ("B4",))
    return inspect_product(Source("product", Location(address), Contents({"B4": StoredFile(address)})), selection).problem


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("verb", "act"),
    [
        ("listed", store.listed),
        ("listed", store.objects_below),
        ("read", store.read),
        ("read", store.opened),
        ("read", lambda place: _problem(place.address)),
        ("written", lambda place: store.write(place, b"", content_type="text/plain")),
        ("removed", store.remove),
    ],
)
def test_refused_access_is_told_with_the_names_of_the_credentials(
    scheme: str, verb: str, act: Callable[[Location], object], buckets: Path
) -> None:
    place = Location.of(f"{scheme}://{servers.CLOSED}/folder/B4.tif")
    names = {"gs": "GOOGLE_APPLICATION_CREDENTIALS", "az": "AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_ACCESS_KEY"}[scheme]
    with pytest.raises(store.UnreachableError, match=rf"^{place} can't be {verb}: access is refused \(.* \({names};") as told:
        act(place)
    assert "403 Forbidden" in str(told.value) and "folder%2F" not in str(told.value)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_public_bucket_is_read_without_credentials(scheme: str, buckets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Location.of(f"{scheme}://{servers.PUBLIC}/of-{scheme}/B4.tif")
    path = write_raster(buckets / servers.PUBLIC / place.key, np.ones((8, 8), np.int16))
    private = shutil.copytree(path.parent, buckets / servers.BUCKET / f"of-{scheme}")
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "AZURE_STORAGE_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("GS_NO_SIGN_REQUEST", "AZURE_NO_SIGN_REQUEST"):
        monkeypatch.setenv(name, "YES")
    folder = Location.of(f"{scheme}://{servers.PUBLIC}/of-{scheme}")
    assert [entry.location for entry in store.listed(folder)] == [place]
    assert store.read(place) == path.read_bytes() and _problem(place.address) is None
    with pytest.raises(store.UnreachableError, match=r"can't be read: access is refused"):
        _problem(f"{scheme}://{servers.BUCKET}/{private.name}/B4.tif")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_file_or_bucket_that_is_not_there_is_told_apart_from_refusal(scheme: str, buckets: Path) -> None:
    gone = f"{scheme}://{servers.BUCKET}/gone/B4.tif"
    assert _problem(gone) == f"product: band B4 is missing, there is no file {gone}"
    nowhere = Location.of(f"{scheme}://nowhere/B4.tif")
    with pytest.raises(SitsparkError, match=f"^{nowhere} can't be listed"):
        store.listed(nowhere)
    with pytest.raises(SitsparkError, match=f"^{nowhere} can't be written: it doesn't exist"):
        store.write(nowhere, b"", content_type="text/plain")


def test_a_missing_account_of_azure_is_told(buckets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT")
    with pytest.raises(store.UnreachableError, match=r"can't be listed \(.*Account must be .*AZURE_STORAGE_ACCOUNT and"):
        store.listed(Location.of(f"az://{servers.BUCKET}/a"))


@pytest.mark.parametrize(
    ("environment", "path", "options"),
    [
        ({}, "/vsigs/bucket/B4.tif", {}),
        ({"GOOGLE_BASE_URL": "https://own.example"}, "/vsigs/bucket/B4.tif", {"CPL_GS_ENDPOINT": "https://own.example/"}),
        ({"GOOGLE_BASE_URL": "http://h:9/p/"}, "/vsizip//vsigs/bucket/a.zip/B4.tif", {"CPL_GS_ENDPOINT": "http://h:9/p/"}),
        ({"GOOGLE_BASE_URL": "https://own.example"}, "/vsiaz/bucket/B4.tif", {}),
        (
            {"AZURE_STORAGE_ENDPOINT": "https://a.blob.core.chinacloudapi.cn/", "AZURE_ENDPOINT": "https://other.example"},
            "/vsiaz/bucket/B4.tif",
            {"CPL_AZURE_ENDPOINT": "https://a.blob.core.chinacloudapi.cn"},
        ),
        ({"AZURE_ENDPOINT": "http://h:9/account"}, "/vsiaz/bucket/B4.tif", {"CPL_AZURE_ENDPOINT": "http://h:9/account"}),
        ({"AZURE_ENDPOINT": "http://h:9/account"}, "/vsis3/bucket/B4.tif", {}),
    ],
)
def test_gdal_is_told_of_the_service_that_obstore_asks(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], path: str, options: dict[str, str]
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    plain = store.gdal_options("/vsicurl/https://example.org/B4.tif")
    assert store.gdal_options(path) == plain | options
