"""What may be tried: combinations in their order, and a sentence with the key for what can't be."""

from pathlib import Path
from typing import Any

import pytest

from sitspark.errors import SitsparkError
from sitspark.settings import TrainingSettings
from sitspark.settings.search import Choice, Range, candidates, combinations
from sitspark.settings.training import OwnNetworkSettings
from sitspark.settings_file import apply_override, parse_settings

OWN = {"module": "mine.py", "class": "Mine", "parameters": {"width": 8}}


def tried(what: dict[str, Any], **search: Any) -> TrainingSettings:
    return TrainingSettings(search={"try": what} | search)  # type: ignore[arg-type]


def refusal(training: dict[str, Any]) -> str:
    tree = {"output": "o", "scenes": {"folder": "s"}, "classes": {"nomenclature": "n"}, "training": training}
    with pytest.raises(SitsparkError) as error:
        parse_settings(tree | {"ground_truth": {"file": "g", "label_field": "l"}}, source=Path("settings.yaml"))
    return str(error.value)


def test_the_last_key_changes_fastest() -> None:
    two = {"learning_rate": Choice((0.1, 0.2)), "batch_size": Choice((8, 4, 2))}
    assert [tuple(values.items()) for values in combinations(two)] == [
        (("learning_rate", rate), ("batch_size", size)) for rate in (0.1, 0.2) for size in (8, 4, 2)
    ]


def test_a_grid_trains_as_many_models_as_it_has_combinations() -> None:
    assert tried({"learning_rate": [0.1, 0.2], "batch_size": [8, 4, 2]}).models == 6
    assert tried({"learning_rate": [0.1, 0.2]}, trials=5).models == 5
    assert TrainingSettings().models == 1  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("key", "given", "integer"),
    [
        ("batch_size", {"low": 8, "high": 64}, True),
        ("learning_rate", {"low": 1, "high": 2}, False),
        ("clip_gradient", {"low": 0.5, "high": 2}, False),
        ("optimiser.momentum", {"low": 0, "high": 0.9}, False),
        ("network.parameters.layers", {"low": 1, "high": 4}, True),
        ("network.parameters.dropout", {"low": 0.0, "high": 0.5}, False),
    ],
)
def test_numbers_are_whole_where_the_key_is(key: str, given: dict[str, float], integer: bool) -> None:
    own = {"network": OWN} if key.startswith("network") else {}
    search = TrainingSettings.model_validate(own | {"search": {"trials": 2, "try": {key: given}}}).search
    assert search is not None
    assert candidates(search, TrainingSettings) == {key: Range(given["low"], given["high"], log=False, integer=integer)}


def test_other_values_go_to_their_keys() -> None:
    base = TrainingSettings.model_validate(
        {"network": OWN, "optimiser": {"kind": "sgd"}, "search": {"try": {"epochs": [1, 2]}}}
    )
    changed = base.varied({"optimiser.weight_decay": 0.1, "epochs": 2, "network.parameters.layers": 3, "balance": ["class"]})
    assert (changed.optimiser.kind, changed.optimiser.weight_decay) == ("sgd", 0.1)
    assert (changed.epochs, changed.balance, changed.search) == (2, ("class",), None)
    assert isinstance(changed.network, OwnNetworkSettings) and changed.network.parameters == {"width": 8, "layers": 3}


def test_settings_with_a_search_survive_json() -> None:
    settings = TrainingSettings.model_validate({"search": {"try": {"epochs": [1, 2]}}, "track": "mlflow"})
    assert TrainingSettings.model_validate_json(settings.model_dump_json()) == settings


def test_a_dotted_key_can_be_set_on_the_command_line() -> None:
    tree: dict[str, Any] = {}
    apply_override(tree, "training.search.try.optimiser.weight_decay=[0, 0.1]")
    assert tree == {"training": {"search": {"try": {"optimiser.weight_decay": [0, 0.1]}}}}


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ({"learning_rate": [0.1, -1]}, "can't try learning_rate -1 (training.search.try): it should be greater than 0"),
        ({"optimizer.kind": ["sgd"]}, "it is no key of training; did you mean optimiser.kind?"),
        ({"optimiser.decay": [1]}, "can't try optimiser.decay (training.search.try): it is no key of training"),
        ({"epochs.more": [1]}, "can't try epochs.more (training.search.try): it is no key of training"),
        ({"stopping.patience": [1, 2]}, "training.stopping is None; give it keys first"),
        ({"threads": [1, 2]}, "it says where and how a training runs, not what it learns"),
        ({"search.trials": [1, 2]}, "it says where and how a training runs, not what it learns"),
        ({"criterion": ["oa", "loss"]}, "trials are compared by it, so it has to be the same for all"),
        ({"network": ["mlp", "perceptron"]}, "can't try network perceptron (training.search.try): it should be 'mlp', "),
        ({"network": ["mlp", {"module": "m.py", "class": "N"}]}, "networks of the bank can be, by their names"),
        ({"epochs": []}, "write a list of values, or {low: 1, high: 10, log: true}, not []"),
        ({"epochs": 3}, "write a list of values, or {low: 1, high: 10, log: true}, not 3"),
        ({"epochs": [1, 2, 1]}, "it should name each of [1, 2, 1] once"),
        ({"epochs": {"low": 1, "high": 5}}, "a range needs training.search.trials, the number of models to train"),
        ({"epochs": list(range(1, 18)), "batch_size": list(range(1, 18))}, "has a search of 289 combinations"),
        ({}, "training.search.try"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_what_a_grid_cant_try_is_said(what: dict[str, Any], sentence: str) -> None:
    said = refusal({"search": {"try": what}})
    assert said.startswith("settings.yaml: training") and sentence in said


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"low": 2, "high": 1}, "low (2) should be below high (1)"),
        ({"low": 0.5, "high": 3}, "it is a whole number, and so should be low (0.5) and high (3)"),
        ({"low": 0, "high": 3, "log": True}, "low (0) should be above 0 where log is true"),
        ({"low": 0, "high": 3}, "can't try batch_size 0 (training.search.try): it should be greater than or equal to 1"),
        ({"low": 1, "high": 3, "step": 1}, "write a list of values, or {low: 1, high: 10, log: true}"),
    ],
)
def test_ranges_that_hold_nothing_are_refused(given: dict[str, Any], sentence: str) -> None:
    assert sentence in refusal({"search": {"trials": 3, "try": {"batch_size": given}}})


def test_models_are_not_shared_by_processes_in_a_search() -> None:
    said = refusal({"processes": 2, "search": {"try": {"epochs": [1, 2]}}})
    assert "training has search beside processes: 2" in said


def test_an_address_with_a_password_is_refused() -> None:
    said = refusal({"track": {"uri": "https://user:hunter2@mlflow.example.org"}})
    assert "holds credentials in its address" in said and "hunter2" not in said
