"""A table of a run as a file for other programs."""

from dataclasses import dataclass
from pathlib import Path

from sitspark.errors import SitsparkError
from sitspark.samples.table import feature_space_of
from sitspark.samples.wide import write_wide
from sitspark.workflow.run_folder import found_run

_OF_FEATURES = ("samples", "children")


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    table: Path
    rows: int


def export(out: Path, folder: Path | None, *, table: str) -> Exported:
    """Write a table of a run, features as named columns, to a file .csv or .parquet.

    Raises SitsparkError where there is no such run, table or folder, and as `write_wide` does.
    """
    run = found_run(folder)
    if table not in run.tables():
        there = ", ".join(run.tables()) or "no table yet"
        raise SitsparkError(f"{run.path} has no table {table}, but {there}; name one of them, or run the stage that makes it")
    if not out.parent.is_dir():
        raise SitsparkError(f"{out}: there is no folder {out.parent}; make it, or name another")
    names = feature_space_of(run.table("samples")).names if table in _OF_FEATURES else ()
    return Exported(run.table(table), write_wide(run.table(table), out, features=names))
