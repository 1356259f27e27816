"""The last words of a verb: tables that fit a terminal."""

import io

from rich.console import Console

from sitspark.workflow.ending import _selection_table


def test_no_number_of_the_table_of_sampling_is_cut_at_80_columns() -> None:
    names = ("annual summer crops, irrigated or not", "broad-leaved forest")
    numbers = [{"asked": None, "available": 12_345_678, "chosen": 2_345_678}, {"asked": 100_000, "available": 3, "chosen": 3}]
    rows = [{"name": name, "label": 1000 + code} | of for code, name in enumerate(names) for of in numbers]
    console = Console(file=io.StringIO(), width=80)
    console.print(_selection_table(rows))
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in said and max(map(len, said.splitlines())) <= 80
    words = said.split()
    for word in ("all", "12,345,678", "2,345,678", "100,000", "1000", "1001", "irrigated", "forest"):
        assert word in words
