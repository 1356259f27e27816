"""The record of a written chunk: what makes its files count, and what the manifest is made of."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from sitspark.atomic import write_atomically
from sitspark.grid import Window
from sitspark.hashing import sha256_of
from sitspark.maps import products


@dataclass(frozen=True, slots=True)
class ChunkRecord:
    """The commit of one chunk of one map: written last, by one rename; its files count only with it.

    `counts` are the pixels of each class of the map (by its code), `by_region` those of each named region; `seconds` are those
    of the clock by phase, `cpu_seconds` those of one core.
    """

    chunk_id: str
    tile: str
    row: int
    col: int
    height: int
    width: int
    files: dict[str, products.WrittenFile]
    counts: dict[int, int]
    by_region: dict[str, dict[int, int]]
    dates: int
    precision: str
    device: str
    host: str
    attempt: int
    seconds: dict[str, float]
    cpu_seconds: float
    peak_mb: int

    @property
    def classified(self) -> int:
        """The number of pixels that have a class."""
        return sum(self.counts.values())

    @property
    def window(self) -> Window:
        """Where the chunk lies on the grid."""
        return Window(self.row, self.col, self.height, self.width)

    def to_json(self) -> str:
        """The record as JSON text."""
        return json.dumps(asdict(self))

    @staticmethod
    def read(path: Path) -> "ChunkRecord | None":
        """Read back what `to_json` wrote; None for a file that a crash left cut, or that another version wrote."""
        try:
            fields = json.loads(path.read_text())
            files = {name: products.WrittenFile(**written) for name, written in fields.pop("files").items()}
            counts = _by_code(fields.pop("counts"))
            by_region = {name: _by_code(own) for name, own in fields.pop("by_region").items()}
            return ChunkRecord(files=files, counts=counts, by_region=by_region, **fields)
        except (ValueError, TypeError, KeyError, AttributeError):
            return None

    def has(self, wanted: Iterable[products.Product]) -> bool:
        """Whether the chunk was written with all of these products, in their types."""
        written = {name: file.dtype for name, file in self.files.items()}
        return all(written.get(product.name) == product.dtype for product in wanted)

    def sums(self, folder: Path) -> dict[Path, str]:
        """The SHA-256 of each file of the record, as it was when it was written."""
        return {folder / written.name: written.sha256 for written in self.files.values()}

    def is_there(self, folder: Path) -> bool:
        """Whether the files of the record are there, of their sizes."""
        paths = ((folder / written.name, written.bytes) for written in self.files.values())
        return all(path.is_file() and path.stat().st_size == size for path, size in paths)

    def holds(self, folder: Path) -> bool:
        """Whether the files of the record are there, byte for byte."""
        return self.is_there(folder) and all(sha256_of(path) == sha256 for path, sha256 in self.sums(folder).items())


def choice_of(chunks: Path) -> Path:
    """The file beside a folder of chunks that notes which precisions were tried, and which one is theirs."""
    return chunks.with_name(f"{chunks.name}.precision")


def commit(record: ChunkRecord, folder: Path) -> None:
    """Put a record in its place, by one rename: from now on the chunk counts as written."""
    write_atomically(folder / f"{record.chunk_id}.json", record.to_json())


def committed(folder: Path, wanted: Iterable[products.Product] = ()) -> list[ChunkRecord]:
    """The records of a folder that have all products, with all files there byte for byte, in the order of their ids."""
    return [record for record in noted(folder, wanted) if record.holds(folder)]


def noted(folder: Path, wanted: Iterable[products.Product] = ()) -> list[ChunkRecord]:
    """Those with all files there, of which the sizes alone are looked at: of chunks that have just been written or checked."""
    asked = list(wanted)
    records = (ChunkRecord.read(path) for path in sorted(folder.glob("[!.]*.json")))
    return [record for record in records if record is not None and record.has(asked) and record.is_there(folder)]


def _by_code(counts: dict[str, int]) -> dict[int, int]:
    """Names of JSON objects are texts."""
    return {int(code): pixels for code, pixels in counts.items()}
