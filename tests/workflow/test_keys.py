"""Fingerprints: an edit of any file that belongs to an input is noticed."""

import os
from pathlib import Path

import pytest

from sitspark.location import Location
from sitspark.scenes.product import Source
from sitspark.workflow.keys import contents, fingerprint, state_of


@pytest.mark.parametrize(("shapefile", "table"), [("a.shp", "a.dbf"), ("A.SHP", "A.DBF"), ("p[2018].shp", "p[2018].dbf")])
def test_an_edit_of_the_table_of_a_shapefile_is_noticed(tmp_path: Path, shapefile: str, table: str) -> None:
    for name in (shapefile, table, "other.dbf"):
        (tmp_path / name).write_text("x")
    before = fingerprint([tmp_path / shapefile])
    os.utime(tmp_path / "other.dbf", ns=(1, 1))
    assert fingerprint([tmp_path / shapefile]) == before
    os.utime(tmp_path / table, ns=(1, 1))
    assert fingerprint([tmp_path / shapefile]) != before


def test_contents_are_names_and_sizes_of_what_is_not_hidden(tmp_path: Path) -> None:
    table = tmp_path / "table"
    table.mkdir()
    (table / "part-0.parquet").write_text("abc")
    before = contents(table)
    (table / ".part-0.parquet.crc").write_text("sum")
    os.utime(table / "part-0.parquet", ns=(1, 1))
    assert contents(table) == before
    (table / "part-0.parquet").write_text("ab")
    assert contents(table) != before
    (table / "part-0.parquet").rename(table / "part-1.parquet")
    assert contents(table) != before
    assert contents(tmp_path / "absent") is None
    assert contents(table / "part-1.parquet") != contents(tmp_path)


def test_an_archive_file_that_moved_within_a_store_is_another() -> None:
    """Its row of the scenes table holds addresses."""
    places = [Location.of(f"s3://bucket/{folder}/product.zip") for folder in ("a", "b")]
    first, second = (state_of(Source.delivered(place, state="100 etag")) for place in places)
    assert first != second
