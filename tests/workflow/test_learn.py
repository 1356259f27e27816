"""What a training hangs on."""

import io
from pathlib import Path
from typing import Any

from rich.console import Console

from sitspark.simulate import Simulation
from sitspark.workflow.context import Context
from sitspark.workflow.learn import STAGES
from tests.conftest import settings_of, settings_tree

TRAIN = STAGES[0]


def inputs(simulation: Simulation, out: Path, network: Any) -> Any:
    tree = settings_tree(simulation.folder, out)
    tree["training"] = {"network": network}
    return TRAIN.inputs(Context.of(settings_of(tree), Console(file=io.StringIO())))


def test_a_network_of_ones_own_is_its_text_and_parameters_not_its_place(simulation: Simulation, tmp_path: Path) -> None:
    here, there, other = (tmp_path / f"{name}.py" for name in ("here", "there", "other"))
    for file, text in ((here, "x = 1"), (there, "x = 1"), (other, "x = 2")):
        file.write_text(text)

    def of(file: Path, **parameters: Any) -> Any:
        return inputs(simulation, tmp_path, {"module": str(file), "class": "Net", "parameters": parameters})

    assert of(here) == of(there)
    assert of(here) != of(other)
    assert of(here) != of(here, width=3)
    assert of(here) != inputs(simulation, tmp_path, "mlp")
