"""The part files of a table, as programs without Spark read them."""

from pathlib import Path, PurePosixPath

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
