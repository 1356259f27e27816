"""SQL over the tables of a run."""

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.errors import AnalysisException, ParseException, SparkRuntimeException
from pyspark.sql.types import NumericType

from sitspark import spark as sessions
from sitspark.errors import SitsparkError
from sitspark.parts import is_delta
from sitspark.settings import SparkSettings
from sitspark.sql import identifier
from sitspark.workflow.run_folder import RunFolder, found_run
from sitspark.workflow.views import register

_QUERY = re.compile(r"[\s(]*(select|with|from|table|values|describe|desc|show|explain)\b", re.IGNORECASE)

# `describe history samples`, `from samples version as of 0`: a view has neither, the table behind it has
_OF_VERSIONS = re.compile(
    r"((?<=\bdescribe\shistory\s)|(?<=\bdesc\shistory\s))\w+\b|\b\w+(?=\s+(version|timestamp)\s+as\s+of\b)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a query as text; `more` when not all were taken."""

    folder: Path
    columns: tuple[str, ...]
    numeric: frozenset[str]
    rows: tuple[tuple[str, ...], ...]
    more: bool


def ask(query: str, folder: Path | None, *, rows: int) -> Answer:
    """Run a query over the views of a run (`register`). Raises SitsparkError with what Spark says of it."""
    if not _QUERY.match(query):
        raise SitsparkError("sql answers questions and changes nothing: begin with select, with, describe, show or explain")
    run = found_run(folder)
    # it repeats in JSON what the sentence says
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    spark = sessions.session(SparkSettings(), log=run.log, delta=run.versioned)  # type: ignore[call-arg]
    registered = register(spark, run.path)
    try:
        frame = spark.sql(_with_versions(query, run))
        taken = frame.limit(rows + 1).collect()
    except (AnalysisException, ParseException) as error:
        lacking = f"; {registered.lacking}" if registered.lacking else ""
        raise SitsparkError(f"{_said(error)} (tables: {', '.join(registered.views)}{lacking})") from None
    except SparkRuntimeException as error:
        # what the functions of a run raise is a sentence of its own
        raise SitsparkError((error.getMessageParameters() or {}).get("errorMessage", error.getMessage())) from None
    numeric = frozenset(field.name for field in frame.schema.fields if isinstance(field.dataType, NumericType))
    shown = tuple(tuple(_text(cell) for cell in row) for row in taken[:rows])
    return Answer(run.path, tuple(frame.columns), numeric, shown, len(taken) > rows)


def _said(error: AnalysisException) -> str:
    """What Spark says of a query, without its code and its advice for catalogues that a run doesn't have."""
    name = (error.getMessageParameters() or {}).get("relationName")
    if error.getCondition() == "TABLE_OR_VIEW_NOT_FOUND" and name:
        return f"this run has no table {name.replace('`', '')}"
    return error.getMessage().strip().splitlines()[0]


def _with_versions(query: str, run: RunFolder) -> str:
    """A query where a Delta table's name stands for its place, wherever the history or an earlier version is asked for."""

    def placed(name: re.Match[str]) -> str:
        table = run.table(name[0].lower())
        return f"delta.{identifier(sessions.location(table))}" if is_delta(table) else name[0]

    return _OF_VERSIONS.sub(placed, query)


def _text(cell: Any) -> str:
    if isinstance(cell, list):
        return f"[{', '.join(map(_text, cell))}]"
    return "null" if cell is None else str(cell)
