import io

import numpy as np
from rich.console import Console

from sitspark.accuracy.matrix import ConfusionMatrix
from sitspark.accuracy.text import accuracy_table

from .plausible import classes


def test_table_shows_names_as_they_are_and_dashes_for_undefined_scores() -> None:
    console = Console(width=110, record=True, file=io.StringIO())
    console.print(accuracy_table(ConfusionMatrix((11, 12), np.array([[8000, 2], [0, 0]])), classes(2)))
    lines = console.export_text().splitlines()
    first, second = (next(line for line in lines if name in line).split() for name in ("[bold]", "class 1"))
    assert first[-4:] == ["1.000", "1.000", "1.000", "8,002"]
    assert second[-4:] == ["0.000", "-", "-", "0"]
    footer = lines[-2] if not lines[-1].strip() else lines[-1]
    assert "OA 1.000" in footer and "kappa 0.000" in footer and footer.split()[-2:] == ["1.000", "8,002"]
