"""The names of iota2's keys over the years: 2020's camelCase and sections brought to those of 2022."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sitspark.iota2.classifiers import ARGUMENTS, OPTIONS, options_of
from sitspark.iota2.syntax import Entries

# where a key of another section went
_MOVED = {
    "chain.random_seed": "arg_train.random_seed",
    "chain.ratio": "arg_train.ratio",
    "chain.runs": "arg_train.runs",
    "chain.split_ground_truth": "arg_train.split_ground_truth",
    "chain.features": "arg_train.features",
    "glob_chain.proj": "chain.proj",
    "glob_chain.features": "arg_train.features",
    "glob_chain.auto_date": "sensors_data_interpolation.auto_date",
    "glob_chain.write_outputs": "sensors_data_interpolation.write_outputs",
    "glob_chain.use_additional_features": "sensors_data_interpolation.use_additional_features",
    "external_features.number_of_chunks": "python_data_managing.number_of_chunks",
    "external_features.chunk_size_mode": "python_data_managing.chunk_size_mode",
    "external_features.chunk_size_x": "python_data_managing.chunk_size_x",
    "external_features.chunk_size_y": "python_data_managing.chunk_size_y",
}
# values that are mappings themselves, with keys that are looked at one by one
_NESTED = (
    "arg_train.sample_selection",
    "arg_train.sample_augmentation",
    "arg_train.deep_learning_parameters",
    "arg_train.deep_learning_parameters.hyperparameters_solver",
    OPTIONS,
    ARGUMENTS,
)


def canonical(name: str) -> str:
    """A section's or key's name of 2020 in the form of 2022: outputPath -> output_path, L8Path_old -> l8_path_old."""
    parts = (re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", part) for part in name.split("_"))
    return "_".join(parts).lower()


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a file: as it is `written`, its `name` of today (section.key), its value and its line."""

    written: str
    name: str
    value: Any
    line: int


def keys_of(tree: Entries) -> Iterator[Key]:
    """Every key of a file."""
    for section, entries in tree.items():
        if not isinstance(entries, Entries):
            yield Key(section, canonical(section), entries, tree.lines[section])
            continue
        for key, value in entries.items():
            name = f"{canonical(section)}.{canonical(key)}"
            yield from _unfolded(Key(f"{section}.{key}", _MOVED.get(name, name), value, entries.lines[key]))


def _unfolded(key: Key) -> Iterator[Key]:
    if key.name in _NESTED and isinstance(key.value, Entries):
        for inner, value in key.value.items():
            # scikit-learn's C among names of iota2
            name = f"{key.name}.{canonical(inner) if key.name == ARGUMENTS else inner}"
            yield from _unfolded(Key(f"{key.written}.{inner}", name, value, key.value.lines[inner]))
    elif key.name == "arg_train.options" and isinstance(key.value, str):
        for option, value in options_of(key.value):
            yield Key(f"{key.written} -{option}", f"{OPTIONS}.{option}", value, key.line)
    else:
        yield key
