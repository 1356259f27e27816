"""The record of a written chunk: what makes its files count, and what the manifest is made of."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from sitspark.atomic import write_atomically
from sitspark.maps import products


@dataclass(frozen=True, slots=True)
class ChunkRecord:
    """The commit of one chunk of one map: written last, by one rename; its files count only with it."""

    chunk_id: str
    row: int
    col: int
    height: int
    width: int
    files: dict[str, products.WrittenFile]
    classified: int
    dates: int
    host: str
    attempt: int
    seconds: dict[str, float]
    peak_mb: int

    def to_json(self) -> str:
        """The record as JSON text."""
        return json.dumps(asdict(self))

    @staticmethod
    def read(path: Path) -> "ChunkRecord | None":
        """Read back what `to_json` wrote; None for a file that a crash left cut, or that another version wrote."""
        try:
            fields = json.loads(path.read_text())
            files = {name: products.WrittenFile(**written) for name, written in fields.pop("files").items()}
            return ChunkRecord(files=files, **fields)
        except (ValueError, TypeError, KeyError, AttributeError):
            return None

    def holds(self, folder: Path) -> bool:
        """Whether the files of the record are there, byte for byte."""
        return all(
            (folder / written.name).is_file() and products.sha256_of(folder / written.name) == written.sha256
            for written in self.files.values()
        )


def commit(record: ChunkRecord, folder: Path) -> None:
    """Put a record in its place, by one rename: from now on the chunk counts as written."""
    write_atomically(folder / f"{record.chunk_id}.json", record.to_json())


def committed(folder: Path) -> list[ChunkRecord]:
    """The records of a folder whose files are there byte for byte, in the order of their ids."""
    records = (ChunkRecord.read(path) for path in sorted(folder.glob("[!.]*.json")))
    return [record for record in records if record is not None and record.holds(folder)]
