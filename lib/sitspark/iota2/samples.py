"""iota2's choice of samples (OTB's SampleSelection and SampleAugmentation), of all models and of single regions."""

from typing import Any

from sitspark.iota2.outcome import NEEDS_NONE, Outcome, Refused, Rule, Values, none_of

SELECTION = "arg_train.sample_selection"
AUGMENTATION = "arg_train.sample_augmentation"
_REGIONS = "chain.region_path"
_NO_REGIONS = "iota2 uses it with region_path only"
_MODEL = "target_model"  # the key that names the region in an entry of per_model
_PER_MODEL = "samples.per_model"
_NONE_MADE = f"{NEEDS_NONE}: no samples are made"
_OF_NO_SAMPLE = ("ram", "elev.")  # keys of OTB that change no sample
_OF_OTB = {"sampler": "periodic", "strategy": "smallest"}  # what OTB's SampleSelection takes where it isn't told

# OTB's strategies, with the key of the number that each needs
_STRATEGIES = {
    "all": None,
    "constant": "constant.nb",
    "percent": "percent.p",
    "total": "total.v",
    "smallest": None,
    "byclass": "byclass.in",
}


def _jitter(value: Any, values: Values) -> Outcome:
    if values.get(f"{SELECTION}.sampler") != "periodic":
        return "it is of the periodic sampler"
    return {"samples.jitter": value}


def _strategy(value: Any, values: Values) -> Outcome:
    if not isinstance(value, str) or value not in _STRATEGIES:
        return none_of(value, _STRATEGIES, instead="samples.strategy")
    needed = _STRATEGIES[value]
    if needed and f"{SELECTION}.strategy.{needed}" not in values:
        return Refused(f"strategy.{needed} is missing", "samples.strategy")
    return {"samples.strategy": value}


def _number_of(strategy: str, setting: str, factor: float = 1) -> Rule:
    """The number that a strategy needs."""

    def rule(value: Any, values: Values) -> Outcome:
        if values.get(f"{SELECTION}.strategy") != strategy:
            return f"iota2 uses it with the strategy {strategy} only"
        # without the rounding errors of a product
        return {setting: round(value * factor, 10) if factor != 1 else value}

    return rule


# iota2's ways of saying how many samples a class shall have, with ours and the key of the number that each needs
_TARGETS = {"balance": ("balance", None), "minNumber": ("minimum", "minNumber"), "byClass": ("byclass", "byClass")}


def _of_augmentation(setting: str, name: str | None = None, method: str | None = None) -> Rule:
    """A key of sample_augmentation, which counts when that is switched on; `name`, `method`: and when it is of these."""

    def rule(value: Any, values: Values) -> Outcome:
        if not values.get(f"{AUGMENTATION}.activate", False):
            return _NONE_MADE
        if method and values.get(f"{AUGMENTATION}.strategy") != method:
            return f"iota2 uses it with the strategy {method} only"
        if name and values.get(f"{AUGMENTATION}.samples.strategy") != name:
            return f"iota2 uses it with the samples.strategy {name} only"
        return {f"samples.augmentation.{setting}": value}

    return rule


def _target(value: Any, values: Values) -> Outcome:
    if not values.get(f"{AUGMENTATION}.activate", False):
        return _NONE_MADE
    if not isinstance(value, str) or value not in _TARGETS:
        return none_of(value, _TARGETS, instead="samples.augmentation.strategy")
    ours, number = _TARGETS[value]
    if number and f"{AUGMENTATION}.samples.strategy.{number}" not in values:
        return Refused(f"samples.strategy.{number} is missing", "samples.augmentation.strategy")
    return _of_augmentation("strategy")(ours, values)


def _per_model(value: Any, values: Values) -> Outcome:
    """A list of the keys that single regions have in place of the common ones; what they lack is OTB's default."""
    if not values.get(_REGIONS):
        return _NO_REGIONS
    entries = value if isinstance(value, list) else [value]
    if not all(isinstance(entry, dict) and _MODEL in entry for entry in entries):
        return Refused(f"it should be a list of mappings, each with {_MODEL}", _PER_MODEL)
    found: dict[str, Any] = {}
    for entry in entries:
        name = str(entry[_MODEL])
        if name in found:
            return Refused(f"{_MODEL} {name} is there twice", _PER_MODEL)
        own = {f"{SELECTION}.{key}": given for key, given in (_OF_OTB | entry).items() if key != _MODEL}
        settings: dict[str, Any] = {}
        for key, given in own.items():
            if key.removeprefix(f"{SELECTION}.").startswith(_OF_NO_SAMPLE):
                continue
            rule = _OF_SELECTION.get(key)
            outcome = rule(given, own) if rule else Refused("is no known key of iota2", _PER_MODEL)
            if isinstance(outcome, Refused):
                return Refused(f"{key.removeprefix(f'{SELECTION}.')} of {_MODEL} {name}: {outcome.reason}", _PER_MODEL)
            if isinstance(outcome, str):  # of another sampler or strategy
                continue
            settings |= {setting.removeprefix("samples."): converted for setting, converted in outcome.items()}
        found[name] = settings
    return {_PER_MODEL: found}


def _target_models(value: Any, values: Values) -> Outcome:
    if value in (["all"], "all"):
        return f"{NEEDS_NONE}: those of all models are"
    if not values.get(_REGIONS):
        return _NO_REGIONS
    return _of_augmentation("models")([str(name) for name in value] if isinstance(value, list) else [str(value)], values)


_OF_SELECTION: dict[str, Rule] = {
    f"{SELECTION}.sampler": lambda value, _: {"samples.sampler": value},
    f"{SELECTION}.sampler.periodic.jitter": _jitter,
    f"{SELECTION}.strategy": _strategy,
    f"{SELECTION}.strategy.constant.nb": _number_of("constant", "samples.per_class"),
    # OTB's share is from 0 to 1
    f"{SELECTION}.strategy.percent.p": _number_of("percent", "samples.percent", 100),
    f"{SELECTION}.strategy.total.v": _number_of("total", "samples.total"),
    f"{SELECTION}.strategy.byclass.in": _number_of("byclass", "samples.by_class"),
}

RULES: dict[str, Rule] = {
    **_OF_SELECTION,
    f"{SELECTION}.per_model": _per_model,
    f"{SELECTION}.per_models": _per_model,  # so in a part of iota2's documentation
    f"{AUGMENTATION}.activate": lambda _value, _: f"{NEEDS_NONE}: the other keys of sample_augmentation count or not",
    f"{AUGMENTATION}.target_models": _target_models,
    f"{AUGMENTATION}.strategy": _of_augmentation("method"),
    f"{AUGMENTATION}.strategy.jitter.stdfactor": _of_augmentation("std_factor", method="jitter"),
    f"{AUGMENTATION}.strategy.smote.neighbors": _of_augmentation("neighbours", method="smote"),
    f"{AUGMENTATION}.samples.strategy": _target,
    f"{AUGMENTATION}.samples.strategy.minNumber": _of_augmentation("minimum", name="minNumber"),
    f"{AUGMENTATION}.samples.strategy.byClass": _of_augmentation("by_class", name="byClass"),
}
