"""Files on disk and in a bucket: the same answers to the same questions, and sentences for what goes wrong."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from sitspark.errors import SitsparkError
from sitspark.location import Location
from sitspark.scenes import store, theia
from sitspark.scenes.inspect import inspect_product
from sitspark.scenes.layouts import Selection
from sitspark.scenes.product import Contents, Layout, Source, StoredFile
from tests import servers

from .products import packed, write_raster, write_theia


@pytest.fixture(params=["disk", "s3", "gs", "az"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """a.txt, b/c.txt and b/d/e.zip, which holds inside.txt."""
    (tmp_path / "b" / "d").mkdir(parents=True)
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "b" / "c.txt").write_text("three")
    with zipfile.ZipFile(tmp_path / "b" / "d" / "e.zip", "w") as archive:
        archive.writestr("inside.txt", "deep" * 10_000)
    if request.param == "disk":
        return Location.of(tmp_path)
    if request.param in ("gs", "az"):
        shutil.copytree(tmp_path, request.getfixturevalue("buckets") / servers.BUCKET / tmp_path.name)
        return Location.of(f"{request.param}://{servers.BUCKET}/{tmp_path.name}")
    bucket = request.getfixturevalue("bucket")
    servers.upload(tmp_path, tmp_path.name)
    return Location.of(f"{bucket}/{tmp_path.name}")


def test_a_folder_is_listed(folder: Location) -> None:
    found = [(entry.location.below(folder), entry.is_folder) for entry in store.listed(folder)]
    assert found == [("a.txt", False), ("b", True)]


def test_folders_are_told_from_files(folder: Location) -> None:
    assert store.is_folder(folder / "b") and not store.is_folder(folder / "c")


def test_all_objects_below_are_found(bucket: str, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "b" / "c.txt").write_text("three")
    servers.upload(tmp_path, f"below-{tmp_path.name}")
    folder = Location(f"{bucket}/below-{tmp_path.name}")
    entries = store.objects_below(folder)
    assert [(entry.location.below(folder), entry.size) for entry in entries] == [("a.txt", 3), ("b/c.txt", 5)]
    (tmp_path / "a.txt").write_text("two")
    servers.upload(tmp_path, f"below-{tmp_path.name}")
    again = store.objects_below(folder)
    assert [one.state == other.state for one, other in zip(entries, again, strict=True)] == [False, True]


def test_a_link_that_leads_nowhere_does_not_close_a_folder(tmp_path: Path) -> None:
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "product").mkdir()
    assert [(entry.location.name, entry.is_folder) for entry in store.listed(Location.of(tmp_path))] == [
        ("gone", False),
        ("product", True),
    ]


def test_a_file_is_read_whole_and_in_parts(folder: Location) -> None:
    assert store.read(folder / "b" / "c.txt") == b"three"
    with store.opened(folder / "b" / "d" / "e.zip") as file, zipfile.ZipFile(file) as archive:
        assert archive.read("inside.txt") == b"deep" * 10_000


def test_a_file_that_is_gone_is_named(folder: Location) -> None:
    with pytest.raises(SitsparkError, match=f"{folder}/gone.txt doesn't exist"):
        store.read(folder / "gone.txt")


def test_a_bucket_that_is_not_there_is_told_with_what_to_look_at(bucket: str) -> None:
    with pytest.raises(SitsparkError, match=r"s3://nowhere/a can't be listed .*credentials in the environment \(AWS_ACCESS"):
        store.listed(Location.of("s3://nowhere/a"))


def test_missing_credentials_are_told_at_once(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    store._store.cache_clear()
    try:
        with pytest.raises(SitsparkError, match=r"can't be listed .*AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
            store.listed(Location.of(f"{bucket}/a"))
    finally:
        store._store.cache_clear()


def test_no_secret_is_in_a_message(bucket: str) -> None:
    with pytest.raises(SitsparkError) as caught:
        store.listed(Location.of("s3://nowhere/a"))
    assert "not-a-secret" not in str(caught.value)


def test_a_web_server_can_not_be_listed(tmp_path: Path) -> None:
    with (
        servers.web(tmp_path, servers.free_port()) as address,
        pytest.raises(SitsparkError, match="web servers don't say what they hold"),
    ):
        store.listed(Location.of(f"{address}/folder"))


@pytest.mark.parametrize(
    ("endpoint", "options"),
    [
        (None, {}),
        ("https://s3.example", {"AWS_S3_ENDPOINT": "s3.example", "AWS_HTTPS": "YES", "AWS_VIRTUAL_HOSTING": "FALSE"}),
        ("http://h:9/p/", {"AWS_S3_ENDPOINT": "h:9/p", "AWS_HTTPS": "NO", "AWS_VIRTUAL_HOSTING": "FALSE"}),
    ],
)
def test_gdal_is_told_of_the_same_service(
    monkeypatch: pytest.MonkeyPatch, endpoint: str | None, options: dict[str, str]
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    if endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    found = store.gdal_options("/vsis3/bucket/B4.tif")
    assert {name: value for name, value in found.items() if name.startswith("AWS")} == options
    assert found["GDAL_DISABLE_READDIR_ON_OPEN"] == "EMPTY_DIR"
    assert store.gdal_options("/vsizip//vsis3/bucket/a.zip/B4.tif") == found
    # beside files on disk there may be sidecars: nodata in .aux.xml, headers of ENVI
    assert store.gdal_options("/archive/B4.tif") == store.gdal_options("/vsizip//archive/a.zip/B4.tif") == {}


def test_a_store_that_does_not_answer_says_nothing_of_a_product(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that isn't there is missing; where access is refused, or nobody answers, nothing is known of it."""
    write_raster(tmp_path / "B4.tif", np.ones((8, 8), np.int16))
    servers.upload(tmp_path, "unreachable")
    selection = Selection(Layout("pattern", "own", ("B4",), {}, None, None, None), ("B4",))

    def problem(address: str) -> str | None:
        contents = Contents({"B4": StoredFile(address)})
        return inspect_product(Source("product", Location.of(address), contents), selection).problem

    assert problem(f"{bucket}/unreachable/B4.tif") is None
    assert problem(f"{bucket}/unreachable/B5.tif") == (
        f"product: band B4 is missing, there is no file {bucket}/unreachable/B5.tif"
    )
    with pytest.raises(store.UnreachableError, match=r"http://127.0.0.1:1/B4.tif can't be read"):
        problem("http://127.0.0.1:1/B4.tif")
    servers.upload(_broken(tmp_path), "broken")
    assert "is damaged" in str(problem(f"{bucket}/broken/B4.tif"))


def _broken(folder: Path) -> Path:
    (folder / "broken").mkdir()
    (folder / "broken" / "B4.tif").write_text("no image")
    return folder / "broken"


def test_a_damaged_file_in_an_archive_of_a_bucket_is_damaged_not_missing(tmp_path: Path, bucket: str) -> None:
    product = write_theia(tmp_path / "loose", {"B4": np.ones((40, 40), np.int16)})
    (product / f"{product.name}_FRE_B4.tif").write_text("no image")
    packed(product, tmp_path / "packed" / f"{product.name}.zip")
    servers.upload(tmp_path / "packed", "packed")
    source = Source.delivered(Location.of(f"{bucket}/packed/{product.name}.zip"), state="1")
    problem = inspect_product(source, Selection(theia.L2A, ("B4",))).problem
    assert problem is not None and "band B4 can't be opened" in problem and "is damaged" in problem
