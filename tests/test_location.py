"""Addresses of files: paths and URLs, and what GDAL calls them."""

from pathlib import Path

import pytest

from sitspark.location import Location


@pytest.mark.parametrize(
    ("text", "address", "gdal", "root", "key", "name"),
    [
        ("/data/a b.tif", "/data/a b.tif", "/data/a b.tif", "", "data/a b.tif", "a b.tif"),
        ("file:///data/a%20b.tif", "/data/a b.tif", "/data/a b.tif", "", "data/a b.tif", "a b.tif"),
        ("s3://bucket/a/b.zip", "s3://bucket/a/b.zip", "/vsis3/bucket/a/b.zip", "s3://bucket", "a/b.zip", "b.zip"),
        ("s3://bucket/", "s3://bucket", "/vsis3/bucket", "s3://bucket", "", ""),
        ("gs://bucket/a", "gs://bucket/a", "/vsigs/bucket/a", "gs://bucket", "a", "a"),
        ("az://container/a", "az://container/a", "/vsiaz/container/a", "az://container", "a", "a"),
        ("https://host:8/a.tif", "https://host:8/a.tif", "/vsicurl/https://host:8/a.tif", "https://host:8", "a.tif", "a.tif"),
    ],
)
def test_an_address_has_these_parts(text: str, address: str, gdal: str, root: str, key: str, name: str) -> None:
    found = Location.of(text)
    assert (found.address, found.gdal, found.root, found.key, found.name) == (address, gdal, root, key, name)
    assert (found.path is None) == bool(root)
    assert Location.of_gdal(found.gdal) == found


@pytest.mark.parametrize(
    "text", ["https://user:word@host/a.tif", "https://host/a.tif?sig=word", "https://host/a.tif?X-Amz-Signature=word&b=1"]
)
def test_an_address_that_lets_in_whoever_has_it_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"holds credentials in its address, https://host/a.tif") as caught:
        Location.of(text)
    assert "word" not in str(caught.value).replace("password", "")


def test_a_page_is_called_without_its_query() -> None:
    page = Location.of("https://host/items?token=3")
    assert (str(page), page.name, page.address) == ("https://host/items", "items", "https://host/items?token=3")


def test_a_relative_path_starts_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Location.of("scenes").path == tmp_path.resolve() / "scenes"


@pytest.mark.parametrize("text", ["ftp://host/a", "s3://"])
def test_what_can_not_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"can't be read|names no bucket"):
        Location.of(text)


@pytest.mark.parametrize("folder", ["/data", "s3://bucket/data", "s3://bucket"])
def test_what_lies_below_a_folder_is_said_from_there(folder: str) -> None:
    assert (Location.of(folder) / "a" / "b.tif").below(Location.of(folder)) == "a/b.tif"
    assert Location("/else/b.tif").below(Location.of(folder)) == "/else/b.tif"
