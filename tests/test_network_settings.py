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
        ("parameters={head: 3}", "has parameters.head, which ltae doesn't know; it knows width, heads, keys"),
        (
            "parameters={heads: many}",
            "has parameters.heads for ltae, which should be a valid integer.*, not 'many'; ltae knows",
        ),
        ("parameters={heads: 3}", "has parameters that ltae can't be built with: heads should divide width"),
        ("parameters={dropout: 1}", "has parameters.dropout for ltae, which should be less than 1, not 1"),
        (
            "network=resnet",
            r"training\.network should be 'mlp', 'ann', .* or 'transformer', not 'resnet' .*or a section for one",
        ),
        ("network={module: a.py}", r"training\.network\.class is missing"),
        ("network={module: a.py, class: A, width: 3}", r"training\.network\.width is no known key"),
    ],
)
def test_what_a_network_can_not_be_built_with_is_refused_when_settings_are_read(override: str, sentence: str) -> None:
    with pytest.raises(SitsparkError, match=sentence):
        read_settings(ROOT / "conf" / "demo.yaml", overrides=["training.network=ltae", f"training.{override}"])


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
