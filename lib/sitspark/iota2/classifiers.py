"""The classifier of an iota2 file: OTB's or scikit-learn's, as a baseline with the parameters that it has here.

Names and defaults are those of OTB's TrainVectorClassifier and of scikit-learn.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sitspark.iota2.outcome import NEEDS_NONE, Outcome, Refused, Rule, Values, none_of

CLASSIFIER = "arg_train.classifier"
OPTIONS = "arg_train.otb_classifier_options"
SCIKIT = "scikit_models_parameters"
_MODEL = f"{SCIKIT}.model_type"
ARGUMENTS = f"{SCIKIT}.keyword_arguments"
_NETWORK = "arg_train.deep_learning_parameters.dl_name"
_BASELINE = "training.baseline"

_OTB = {"rf": "random_forest", "sharkrf": "random_forest", "libsvm": "linear_svm", "gbt": "lightgbm"}
# options with the settings that they are, and OTB's defaults
_OTB_OPTIONS: dict[str, tuple[str, Any]] = {
    "rf.max": ("max_depth", 5),
    "rf.min": ("min_samples_split", 10),
    "rf.var": ("max_features", 0),
    "rf.nbtrees": ("trees", 100),
    "sharkrf.nodesize": ("min_samples_split", 25),
    "sharkrf.mtry": ("max_features", 0),
    "sharkrf.nbtrees": ("trees", 100),
    "libsvm.c": ("c", 1.0),
    "gbt.w": ("trees", 200),
    "gbt.s": ("learning_rate", 0.01),
}
_OF_IOTA2 = {"rf.max": 25, "rf.min": 5}  # what iota2 gives OTB where a file has no options at all
_OWN: dict[str, dict[str, Any]] = {"rf": {"min_samples_leaf": 1}, "sharkrf": {"min_samples_leaf": 1, "max_depth": None}}

_SCIKIT = {
    "RandomForest": "random_forest",
    "ExtraTrees": "extra_trees",
    "SupportVectorClassification": "linear_svm",
    "SVC": "linear_svm",
    "LinearSVC": "linear_svm",
}
_SCIKIT_ARGUMENTS: dict[str, dict[str, tuple[str, Any]]] = {
    "forest": {
        "n_estimators": ("trees", 100),
        "max_depth": ("max_depth", None),
        "min_samples_leaf": ("min_samples_leaf", 1),
        "min_samples_split": ("min_samples_split", 2),
        "max_features": ("max_features", "sqrt"),
    },
    "linear_svm": {"c": ("c", 1.0)},
}


def options_of(text: str) -> Iterator[tuple[str, Any]]:
    """The options of a text of 2020, as ' -classifier.rf.min 5 -classifier.rf.max 25 '."""
    for name, value in re.findall(r"-([a-z]\S*)\s+(\S+)", text):
        yield name, _literal(value)


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def classifier(value: Any, values: Values) -> Outcome:
    """OTB's classifier, with the defaults of the options that the file doesn't have."""
    if instead := _instead(values):
        return instead
    if not isinstance(value, str) or value not in _OTB:
        return none_of(value, _OTB, instead=_BASELINE)
    kernel = values.get(f"{OPTIONS}.classifier.libsvm.k", "linear")
    if value == "libsvm" and kernel != "linear":
        return _other_kernel(kernel)
    bare = not any(name.startswith(f"{OPTIONS}.") for name in values)
    taken: dict[str, Any] = {"kind": _OTB[value]} | _OWN.get(value, {})
    for option, (setting, default) in _OTB_OPTIONS.items():
        if option.startswith(f"{value}.") and f"{OPTIONS}.classifier.{option}" not in values:
            taken[setting] = _some_features(setting, _OF_IOTA2.get(option, default) if bare else default)
    return _settings(taken)


def option(name: str) -> Rule:
    """The rule for one of OTB's options, as rf.max."""

    def rule(value: Any, values: Values) -> Outcome:
        of = name.partition(".")[0]
        if instead := _instead(values):
            return instead
        if values.get(CLASSIFIER, "rf") != of:
            return f"it is of the classifier {of}, which the file doesn't choose"
        setting = _OTB_OPTIONS[name][0]
        return _settings({setting: _some_features(setting, value)})

    return rule


def scikit_model(value: Any, values: Values) -> Outcome:
    """A model of scikit-learn, with the defaults of the arguments that the file doesn't have."""
    if values.get(_NETWORK):
        return "iota2 trains the network of deep_learning_parameters"
    kind = _kind_of_scikit(value)
    if kind is None:
        return none_of(value, _SCIKIT, instead=_BASELINE)
    kernel = "linear" if value == "LinearSVC" else _argument("kernel", values, "rbf")
    if kind == "linear_svm" and kernel != "linear":
        return _other_kernel(kernel)
    known = _SCIKIT_ARGUMENTS["linear_svm" if kind == "linear_svm" else "forest"]
    absent = {setting: default for name, (setting, default) in known.items() if _argument(name, values, known) is known}
    return _settings({"kind": kind} | absent)


def scikit_argument(name: str) -> Rule:
    """The rule for an argument of scikit-learn's model, as n_estimators."""

    def rule(value: Any, values: Values) -> Outcome:
        kind = _kind_of_scikit(values.get(_MODEL))
        known = _SCIKIT_ARGUMENTS.get("linear_svm" if kind == "linear_svm" else "forest", {})
        if values.get(_NETWORK) or kind is None or name not in known:
            return "it is of a model that is not trained"
        setting = known[name][0]
        if setting == "max_features" and value == "auto":
            value = "sqrt"  # what it meant for classifiers, until scikit-learn dropped the word
        return _settings({setting: value})

    return rule


RULES: dict[str, Rule] = {
    CLASSIFIER: classifier,
    **{f"{OPTIONS}.classifier.{name}": option(name) for name in _OTB_OPTIONS},
    f"{OPTIONS}.classifier.libsvm.k": lambda _value, _values: f"{NEEDS_NONE}: the kernel is linear, or nothing is trained",
    _MODEL: scikit_model,
    **{
        f"{section}.{name}": scikit_argument(name)
        for section in (SCIKIT, ARGUMENTS)
        for name in (*_SCIKIT_ARGUMENTS["forest"], *_SCIKIT_ARGUMENTS["linear_svm"])
    },
}


def _other_kernel(kernel: Any) -> Refused:
    return Refused(f"a support vector machine has a linear kernel here, not {kernel}", _BASELINE)


def _instead(values: Values) -> str | None:
    """Why OTB's classifier isn't trained, if it isn't."""
    if values.get(_NETWORK):
        return "iota2 trains the network of deep_learning_parameters"
    if values.get(_MODEL) not in (None, "None"):
        return "iota2 trains the model of scikit_models_parameters"
    return None


def _kind_of_scikit(model: Any) -> str | None:
    """The baseline that a model of scikit-learn is; iota2 leaves Classifier off its name."""
    return _SCIKIT.get(str(model)) or _SCIKIT.get(str(model).removesuffix("Classifier"))


def _argument(name: str, values: Values, otherwise: Any) -> Any:
    """An argument of scikit-learn's model, wherever the file has it."""
    return next((values[f"{section}.{name}"] for section in (SCIKIT, ARGUMENTS) if f"{section}.{name}" in values), otherwise)


def _some_features(setting: str, value: Any) -> Any:
    """OTB says 0 for the square root of the number of features."""
    return "sqrt" if setting == "max_features" and value == 0 else value


def _settings(taken: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{_BASELINE}.{name}": value for name, value in taken.items()}
