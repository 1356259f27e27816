"""Fingerprints: an edit of any file that belongs to an input is noticed."""

import os
from pathlib import Path

import pytest

from sitspark.workflow.keys import fingerprint


@pytest.mark.parametrize(("shapefile", "table"), [("a.shp", "a.dbf"), ("A.SHP", "A.DBF"), ("p[2018].shp", "p[2018].dbf")])
def test_an_edit_of_the_table_of_a_shapefile_is_noticed(tmp_path: Path, shapefile: str, table: str) -> None:
    for name in (shapefile, table, "other.dbf"):
        (tmp_path / name).write_text("x")
    before = fingerprint([tmp_path / shapefile])
    os.utime(tmp_path / "other.dbf", ns=(1, 1))
    assert fingerprint([tmp_path / shapefile]) == before
    os.utime(tmp_path / table, ns=(1, 1))
    assert fingerprint([tmp_path / shapefile]) != before
