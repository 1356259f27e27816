"""iota2's keys on regions: a model for each of them, and what draws the map near their borders."""

from typing import Any

from sitspark.iota2.outcome import NEEDS_NONE, Outcome, Refused, Rule, Values

_PATH, _FIELD = "chain.region_path", "chain.region_field"
_FUSED = "arg_classification.enable_boundary_fusion"
_INTERIOR, _EXTERIOR = "arg_classification.boundary_interior_buffer_size", "arg_classification.boundary_exterior_buffer_size"
_EPSILON = "arg_classification.boundary_fusion_epsilon"


def _path(value: Any, values: Values) -> Outcome:
    if not value:
        return f"{NEEDS_NONE}: one model is trained for the whole area"
    # iota2's default of the field
    return {
        "ground_truth.regions": value,
        "ground_truth.region_field": values.get(_FIELD, "region"),
        "training.model_per": "region",
    }


def _field(value: Any, values: Values) -> Outcome:
    if not values.get(_PATH):
        return "iota2 uses it with region_path only"
    return {"ground_truth.region_field": value}


def _of_boundary(name: str) -> Rule:
    def rule(value: Any, values: Values) -> Outcome:
        if not values.get(_PATH) or not values.get(_FUSED):
            return "iota2 uses it with region_path and enable_boundary_fusion True only"
        return {f"map.boundary.{name}": value}

    return rule


def _fused(value: Any, values: Values) -> Outcome:
    if not value:
        return f"{NEEDS_NONE}: each pixel is drawn by the model of its region"
    if not values.get(_PATH):
        return "iota2 uses it with region_path only"
    absent = {setting: key for setting, key in {"interior": _INTERIOR, "exterior": _EXTERIOR}.items() if key not in values}
    if absent:
        named = " and no ".join(key.removeprefix("arg_classification.") for key in absent.values())
        return Refused(f"the file has no {named}", f"map.boundary.{next(iter(absent))}")
    return {"map.boundary.interior": values[_INTERIOR], "map.boundary.exterior": values[_EXTERIOR]}


RULES: dict[str, Rule] = {
    _PATH: _path,
    _FIELD: _field,
    _FUSED: _fused,
    _INTERIOR: _of_boundary("interior"),
    _EXTERIOR: _of_boundary("exterior"),
    _EPSILON: _of_boundary("epsilon"),
}
