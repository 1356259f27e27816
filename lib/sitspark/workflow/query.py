"""SQL over the tables of a run."""

import logging
import re
from dataclasses import dataclass
from pathlib import Path

from pyspark.errors import AnalysisException, ParseException
from pyspark.sql.types import NumericType

from sitspark import spark as sessions
from sitspark.errors import SitsparkError
from sitspark.settings import SparkSettings
from sitspark.workflow.run_folder import RunFolder
from sitspark.workflow.tables import read_table

_QUERY = re.compile(r"[\s(]*(select|with|from|table|values|describe|desc|show|explain)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a query as text; `more` when not all were taken."""

    folder: Path
    columns: tuple[str, ...]
    numeric: frozenset[str]
    rows: tuple[tuple[str, ...], ...]
    more: bool


def latest_run(below: Path) -> Path:
    """The folder of the run that was last at work."""
    found = sorted(below.glob("*/run.json"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise SitsparkError(f"no run lies below {below}; name its folder with --run")
    return found[-1].parent


def ask(query: str, folder: Path | None, *, rows: int) -> Answer:
    """Run a query; every table of the run is a view of its name. Raises SitsparkError with what Spark says of it."""
    run = RunFolder(folder or latest_run(Path("runs")))
    if not run.record_file.exists():
        raise SitsparkError(f"{run.path} is no run: it holds no run.json")
    # it repeats in JSON what the sentence says
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    spark = sessions.session(SparkSettings(), log=run.log)  # type: ignore[call-arg]
    tables = sorted(path.name for path in (run.path / "tables").glob("[!.]*") if any(path.glob("*.parquet")))
    for name in tables:
        read_table(spark, run.table(name)).createOrReplaceTempView(name)
    if not _QUERY.match(query):
        raise SitsparkError("sql answers questions and changes nothing: begin with select, with, describe, show or explain")
    try:
        frame = spark.sql(query)
        taken = frame.limit(rows + 1).collect()
    except (AnalysisException, ParseException) as error:
        raise SitsparkError(f"{error.getMessage().strip().splitlines()[0]} (tables: {', '.join(tables)})") from None
    numeric = frozenset(field.name for field in frame.schema.fields if isinstance(field.dataType, NumericType))
    shown = tuple(tuple("null" if cell is None else str(cell) for cell in row) for row in taken[:rows])
    return Answer(run.path, tuple(frame.columns), numeric, shown, len(taken) > rows)
