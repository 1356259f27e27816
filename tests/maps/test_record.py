"""The record of a chunk: what it takes for its files to count."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sitspark.grid import Window
from sitspark.hashing import sha256_of
from sitspark.maps.products import CONFIDENCE, VALIDITY, Product, WrittenFile
from sitspark.maps.record import ChunkRecord, commit, committed, noted

CONTENT = b"pixels"


@pytest.fixture
def record(tmp_path: Path) -> ChunkRecord:
    (tmp_path / "c.tif").write_bytes(CONTENT)
    files = {"confidence": WrittenFile("c.tif", "uint8", sha256_of(tmp_path / "c.tif"), len(CONTENT))}
    return ChunkRecord(
        "31TCJ_r0_c0",
        "31TCJ",
        0,
        0,
        2,
        3,
        files,
        {1: 2, 9: 4},
        {"north": {9: 1}},
        4,
        "bf16",
        "cpu",
        "host",
        0,
        {"read": 0.5},
        0.4,
        700,
    )


def test_a_committed_chunk_comes_back(record: ChunkRecord, tmp_path: Path) -> None:
    commit(record, tmp_path)
    assert committed(tmp_path) == [record]
    assert (record.classified, record.window) == (6, Window(0, 0, 2, 3))


@pytest.mark.parametrize(
    ("wanted", "counts"),
    [([CONFIDENCE], True), ([CONFIDENCE, VALIDITY], False), ([replace(CONFIDENCE, dtype="uint16")], False)],
    ids=["all", "one is missing", "of another type"],
)
def test_a_chunk_without_a_wanted_product_does_not_count(
    record: ChunkRecord, tmp_path: Path, wanted: list[Product], counts: bool
) -> None:
    commit(record, tmp_path)
    assert committed(tmp_path, wanted) == ([record] if counts else [])


@pytest.mark.parametrize("content", [CONTENT[:-1], b"PIXELS", None], ids=["cut", "changed", "gone"])
def test_a_chunk_whose_file_is_not_whole_does_not_count(record: ChunkRecord, tmp_path: Path, content: bytes | None) -> None:
    commit(record, tmp_path)
    (tmp_path / "c.tif").unlink()
    if content is not None:
        (tmp_path / "c.tif").write_bytes(content)
    assert committed(tmp_path) == []
    # what this pass wrote was hashed then: its size tells whether it is there
    assert noted(tmp_path) == ([record] if content == b"PIXELS" else [])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty after a crash"),
        pytest.param('{"chunk_id": "31T', id="cut by a crash"),
        pytest.param("[]", id="no object"),
        pytest.param('{"chunk_id": "x", "files": {}}', id="fields are missing"),
        pytest.param('{"files": {"a": {"path": "a.tif"}}}', id="files of another form"),
    ],
)
def test_a_record_that_can_not_be_read_counts_as_no_record(tmp_path: Path, text: str) -> None:
    (tmp_path / "31TCJ_r0_c0.json").write_text(text)
    assert committed(tmp_path) == []


def test_a_record_with_fields_of_another_version_counts_as_no_record(record: ChunkRecord, tmp_path: Path) -> None:
    (tmp_path / "31TCJ_r0_c0.json").write_text(json.dumps(json.loads(record.to_json()) | {"entropy": 1}))
    assert committed(tmp_path) == []
