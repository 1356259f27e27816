import json
from pathlib import Path

import pytest

from sitspark.errors import SitsparkError
from sitspark.settings import TrainingSettings
from sitspark.settings.networks import PARAMETERS
from sitspark.settings_file import read_settings

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("network", PARAMETERS)
def test_the_page_on_networks_lists_every_parameter(network: str) -> None:
    page = (ROOT / "docs" / "networks.md").read_text(encoding="utf-8")
    for name, field in PARAMETERS[network].model_fields.items():
        assert f"| `{network}` | `{name}` | {json.dumps(field.default)} | {field.description} |" in page


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        (
            "parameters={head: 3}",
            r"has parameters.head, which ltae doesn't know \(it knows width, heads.*; did you mean heads\?",
        ),
        (
            "parameters={heads: many}",
            "has parameters.heads for ltae, which should be a whole number, not 'many'; ltae knows",
        ),
        ("parameters={heads: 3}", "has parameters that ltae can't be built with: heads should divide width"),
        ("parameters={dropout: 1}", "has parameters.dropout for ltae, which should be less than 1, not 1"),
        (
            "network=resnet",
            r"training\.network should be 'mlp', 'ann', .* or 'transformer', not 'resnet' .*or a section for one",
        ),
        ("network=temcnn", r"not 'temcnn'; did you mean tempcnn\?"),
        ("network=TempCNN", r"did you mean tempcnn\?"),
        ("baseline=randomforest", r"should be one of .*; did you mean random_forest\?"),
        ("baseline={kind: lightgmb}", r"did you mean lightgbm\?"),
        ("search={try: {network: [temcnn]}}", r"can't try network temcnn .*; did you mean tempcnn\?"),
        (
            "network={module: a.py, clas: A}",
            r"training\.network\.clas is no known key; did you mean training\.network\.class\?",
        ),
        ("network={module: a.py, class: A, parameters: 3}", r"should be a section, as \{name: value\}, not 3"),
        ("network={module: a.py}", r"training\.network\.class is missing"),
        ("network={module: a.py, class: A, width: 3}", r"training\.network\.width is no known key"),
    ],
)
def test_what_a_network_can_not_be_built_with_is_refused_when_settings_are_read(override: str, sentence: str) -> None:
    with pytest.raises(SitsparkError, match=sentence):
        read_settings(ROOT / "conf" / "demo.yaml", overrides=["training.network=ltae", f"training.{override}"])


@pytest.mark.parametrize(
    ("in_file", "overrides", "origin"),
    [
        ("{filters: 0}", ["training.epochs=3"], "settings.yaml, line 9:"),
        ("{filters: 8}", ["training.network=ltae"], "settings.yaml, line 9 with --set training.network=ltae:"),
        ("{filters: 8}", ["training.parameters.kernl=3"], "--set training.parameters.kernl=3:"),
        ("{filters: 8}", ["training.parameters={kernl: 3}"], "--set training.parameters={kernl: 3}:"),
        (None, ["training.parameters.kernel=4"], "--set training.parameters.kernel=4:"),
        (None, ["training.search.try.epochs=[0]"], "--set training.search.try.epochs=[0]:"),
        (None, ["training.epochs=3", "training.search={try: {epoch: [1]}}"], "--set training.search={try: {epoch: [1]}}:"),
    ],
)
def test_a_fault_is_laid_on_what_gave_it(in_file: str | None, overrides: list[str], origin: str, tmp_path: Path) -> None:
    demo = "output: o\nscenes: {folder: s}\nclasses: {nomenclature: n}\nground_truth: {file: g, label_field: l}\n"
    own = "" if in_file is None else f"  parameters:\n    {in_file[1:-1]}\n"
    file = tmp_path / "settings.yaml"
    file.write_text(f"{demo}seed: 0\ntraining:\n  network: tempcnn\n{own}", encoding="utf-8")
    with pytest.raises(SitsparkError) as error:
        read_settings(file, overrides=overrides)
    assert str(error.value).replace(f"{tmp_path}/", "").startswith(origin)


def test_parameters_beside_a_network_of_ones_own_are_refused() -> None:
    overrides = ["training.network={module: my_net.py, class: MyNet}", "training.parameters={width: 3}"]
    with pytest.raises(SitsparkError, match=r"write them under network\.parameters"):
        read_settings(ROOT / "conf" / "demo.yaml", overrides=overrides)


def test_a_network_says_its_name_and_all_that_it_is_built_with() -> None:
    chosen = TrainingSettings.model_validate({"network": "tempcnn", "parameters": {"filters": 8}})
    assert chosen.network_name == "tempcnn"
    assert chosen.network_arguments == {"filters": 8, "kernel": 5, "layers": 3, "dense": 256, "dropout": 0.5}
    own = TrainingSettings.model_validate({"network": {"module": "a.py", "class": "A", "parameters": {"x": [1]}}})
    assert (own.network_name, own.network_arguments) == ("A", {"x": [1]})
