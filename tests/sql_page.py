"""The page docs/sql.md: its queries, and the command that writes their output anew.

python -m tests.sql_page RUN
"""

import io
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from sitspark.cli.contents import table_of
from sitspark.workflow.query import ask

PAGE = Path(__file__).parent.parent / "docs" / "sql.md"
_EXAMPLE = re.compile(r"```sql\n(?P<query>.*?)```\n\n```text\n(?P<output>.*?)```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Example:
    """A query of the page, and the columns of the output that stands below it."""

    query: str
    columns: tuple[str, ...]


def examples(page: str) -> list[Example]:
    """The queries of the page."""
    return [Example(one["query"], tuple(one["output"].partition("\n")[0].split())) for one in _EXAMPLE.finditer(page)]


def answered(page: str, run: Path) -> str:
    """The page with the output of its queries over a run."""

    def again(example: re.Match[str]) -> str:
        told = io.StringIO()
        Console(file=told, width=200).print(table_of(ask(example["query"], run, rows=100)))
        output = "\n".join(line.rstrip() for line in told.getvalue().splitlines())
        return f"```sql\n{example['query']}```\n\n```text\n{output}\n```"

    return _EXAMPLE.sub(again, page)


if __name__ == "__main__":
    PAGE.write_text(answered(PAGE.read_text(encoding="utf-8"), Path(sys.argv[1])), encoding="utf-8")
