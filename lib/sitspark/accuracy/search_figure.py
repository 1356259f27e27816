"""What a search of hyper-parameters found: a picture of the criterion against each key that was tried."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from sitspark.accuracy.canvas import BLUE, INK, MUTED, ORANGE, RULE, inset_axes, literal, new_figure, png, shortened

_NAMES = {
    "loss": "Loss, monitored samples",
    "oa": "OA, monitored samples",
    "kappa": "Kappa, monitored samples",
    "fscore": "Mean F, monitored samples",
    "train_loss": "Loss, training samples",
}
_ACROSS = 3  # panels in a row
_FEW = 4  # values, each of which has a place of its own on the axis


@dataclass(frozen=True, slots=True)
class TriedModel:
    """A trial: the values tried, by their keys, and the figures of its best epoch; None: undefined, or it failed.

    `state` is complete, pruned or failed, and `problem` says why; `seconds` are those of its training.
    """

    number: int
    values: Mapping[str, Any]
    state: str
    chosen: bool
    problem: str | None
    epochs: int
    best_epoch: int | None
    train_loss: float | None
    validation_loss: float | None
    oa: float | None
    kappa: float | None
    fscore: float | None
    seconds: float

    def figure(self, criterion: str) -> float | None:
        """The value of a criterion (loss, oa, kappa, fscore, train_loss)."""
        value: float | None = getattr(self, "validation_loss" if criterion == "loss" else criterion)
        return value


@dataclass(frozen=True, slots=True)
class SearchView:
    """A search: all of its trials, what they were compared by, and the keys whose values are powers rather than sums."""

    criterion: str
    trials: tuple[TriedModel, ...]
    logarithmic: frozenset[str] = frozenset()

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that were tried."""
        return tuple(self.trials[0].values)

    @property
    def ranked(self) -> tuple[TriedModel, ...]:
        """The trials from the best to the worst; those that ended early after the others, those that failed last."""
        states = ("complete", "pruned", "failed")
        sign = 1 if self.criterion.endswith("loss") else -1

        def rank(trial: TriedModel) -> tuple[int, float, int]:
            value = trial.figure(self.criterion)
            return states.index(trial.state), math.inf if value is None else sign * value, trial.number

        return tuple(sorted(self.trials, key=rank))


def search_figure(view: SearchView) -> bytes:
    """A panel for each key: its values along x, the criterion along y, a mark a trial; those that failed are left out."""
    width, height, beside, below = 2.55, 2.0, 0.35, 0.75
    across, rows = min(len(view.keys), _ACROSS), -(-len(view.keys) // _ACROSS)
    figure = new_figure(across * (width + beside), rows * (height + below))
    shown = [trial for trial in view.trials if trial.figure(view.criterion) is not None]
    for number, key in enumerate(view.keys):
        row, column = divmod(number, _ACROSS)
        axes = inset_axes(figure, width, height, left=column * (width + beside), bottom=(rows - 1 - row) * (height + below))
        _panel(axes, view, key, shown)
        if column == 0:
            axes.set_ylabel(_NAMES[view.criterion], fontsize=8.5, color=INK)
        else:
            axes.tick_params(labelleft=False)
        if number == 0:
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, fontsize=8, borderaxespad=0.2)
    return png(figure)


def _panel(axes: Axes, view: SearchView, key: str, trials: Sequence[TriedModel]) -> None:
    values = [trial.values[key] for trial in trials]
    figures = np.array([trial.figure(view.criterion) for trial in trials], np.float64)
    numbers = all(_is_number(value) for value in values)
    if numbers and len(set(values)) > _FEW:
        places = np.array(values, np.float64)
        if key in view.logarithmic:
            axes.set_xscale("log")
            axes.tick_params(axis="x", which="minor", length=0)
        axes.margins(x=0.12)
    else:
        # side by side, so that the labels of 0 and 0.0001 don't meet
        names = list(dict.fromkeys(map(tried, sorted(values) if numbers else values)))
        places = np.array([names.index(tried(value)) for value in values], np.float64)
        axes.set_xticks(range(len(names)), [shortened(name, 14) for name in names])
        literal(axes.get_xticklabels())
        axes.set_xlim(-0.5, len(names) - 0.5)
    marks: dict[str, tuple[list[bool], dict[str, Any]]] = {
        "run to its end": ([t.state == "complete" and not t.chosen for t in trials], {"color": BLUE, "s": 26}),
        "ended early": (
            [t.state == "pruned" for t in trials],
            {"facecolors": "none", "edgecolors": MUTED, "linewidths": 1.2, "s": 26},
        ),
        "chosen": ([t.chosen for t in trials], {"color": ORANGE, "s": 44, "zorder": 4}),
    }
    for label, (members, style) in marks.items():
        if any(members):
            axes.scatter(places[members], figures[members], label=label, **({"zorder": 3} | style))
    axes.set_xlabel(key, fontsize=8.5, color=INK)
    axes.grid(axis="y", color=RULE, linewidth=0.8)
    axes.margins(y=0.1)


def spans_orders(values: Sequence[Any]) -> bool:
    """Whether values are positive numbers of which the largest is ten times the smallest or more."""
    return all(_is_number(value) and value > 0 for value in values) and max(values) >= 10 * min(values)


def tried(value: object) -> str:
    """A value that was tried as people write it: numbers with four digits at most, lists as in settings."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(tried, value))}]"
    return value if isinstance(value, str) else json.dumps(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
