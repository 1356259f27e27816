"""What a training hangs on."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rich.console import Console

from sitspark.models.card import read_card
from sitspark.models.checkpoint import CHECKPOINT
from sitspark.models.loop import train
from sitspark.models.torch_state import torch_as_before
from sitspark.simulate import Simulation
from sitspark.workflow import learn
from sitspark.workflow.context import Context
from sitspark.workflow.learn import stages
from sitspark.workflow.members import PlannedModel
from tests.conftest import settings_of, settings_tree
from tests.models.tables import job, separable, write


def inputs(simulation: Simulation, out: Path, network: Any) -> Any:
    tree = settings_tree(simulation.folder, out)
    tree["training"] = {"network": network}
    context = Context.of(settings_of(tree), Console(file=io.StringIO()))
    return stages(context.settings)[0].inputs(context)


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


def test_a_training_that_was_killed_when_it_was_done_leaves_no_checkpoint(tmp_path: Path) -> None:
    done = job(write(separable(), tmp_path / "samples"), tmp_path, epochs=1)
    with torch_as_before():
        train(done)
    (done.folder / CHECKPOINT).write_bytes(b"of its last epoch")
    said: list[str] = []
    context = SimpleNamespace(
        folder=SimpleNamespace(model=lambda _: done.folder), voice=SimpleNamespace(remark=said.append), settings=None
    )
    model = PlannedModel("m", 0, None, None)
    assert learn._fit(context, model, "train") == read_card(done.folder)  # type: ignore[arg-type]  # nothing else is asked for
    assert said == ["train: m is trained already"] and not (done.folder / CHECKPOINT).exists()
