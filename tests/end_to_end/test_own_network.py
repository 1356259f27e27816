"""A run with a network of the user's own, from raw acquisitions to the map and to folds left out."""

import json
from pathlib import Path

from pyspark.sql import SparkSession

from sitspark.models.card import CODE
from sitspark.simulate import Simulation
from tests.conftest import run_quietly, settings_tree

EXAMPLE = Path(__file__).parents[2] / "conf" / "my_net.py"


def test_workers_run_the_code_that_the_settings_name(spark: SparkSession, simulation: Simulation, tmp_path: Path) -> None:
    module = tmp_path / "net.py"
    module.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    tree = settings_tree(simulation.folder, tmp_path / "out")
    tree["scenes"]["tiles"] = ["31TCJ", "31TCK"]  # two folds
    tree["time_series"] = {"filler": "none"}
    tree["training"] |= {"network": {"module": str(module), "class": "MyNet", "parameters": {"width": 16}}, "epochs": 8}
    context, _ = run_quietly(tree, "validate", "trust", "cross_validate")
    model_id = context.facts("train")["model_id"]
    assert model_id.startswith("MyNet-")
    assert (context.folder.model(model_id) / CODE).read_text(encoding="utf-8") == module.read_text(encoding="utf-8")
    folds = {path.name.partition("-without-")[2] for path in (context.folder.path / "models").glob("MyNet-*-without-*")}
    assert folds == {"31TCJ", "31TCK"}
    metrics = json.loads((context.folder.accuracy / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["assessment"]["overall_accuracy"] > 0.5

    moved = tmp_path / "moved.py"
    module.rename(moved)
    tree["training"]["network"]["module"] = str(moved)
    _, said = run_quietly(tree, "validate", "trust", "cross_validate")
    assert "✓" not in said
