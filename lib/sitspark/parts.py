"""The part files of a table, as programs without Spark read them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from sitspark.errors import SitsparkError

# written by Delta itself with every commit, for readers that don't know its log (delta.compatibility.symlinkFormatManifest)
_CURRENT = Path("_symlink_format_manifest") / "manifest"


def is_delta(table: Path) -> bool:
    """Whether a folder is a Delta table, where not every Parquet file is of the current version."""
    return (table / "_delta_log").is_dir()


def current_parts(table: Path) -> list[Path]:
    """The part files of the current version in the order of their names, which is the order of rows; none of an empty one."""
    if not is_delta(table):
        return sorted(table.glob("[!._]*.parquet"))
    listed = table / _CURRENT
    # addresses of where the table was written: it may have been moved since
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.is_file() else []
    return sorted(table / PurePosixPath(line).name for line in lines)


@contextmanager
def opened_part(part: Path, *, buffer_size: int = 0) -> Iterator[pq.ParquetFile]:
    """A part file to read from, a buffer of so many bytes at a time, 0: columns at once.

    Raises SitsparkError where it can't be read, now or within the block.
    """
    try:
        with pq.ParquetFile(part, pre_buffer=False, buffer_size=buffer_size) as file:
            yield file
    except (OSError, pa.ArrowException) as error:
        raise unreadable(part, str(error).splitlines()[0]) from None


def unreadable(part: Path | str, reason: str) -> SitsparkError:
    """What is said of a part file that can't be read."""
    return SitsparkError(
        f"{part}: can't be read ({reason}); if it is damaged, `sitspark verify RUN --forget` takes it off the record of the "
        "run, and the same command makes it anew"
    )
