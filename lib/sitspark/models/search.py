"""A search of hyper-parameters: which values are tried next, which trials end early, which one is best.

All follows from the seed and from the results of trials that were finished before, never from which of those at work is
faster: the same search gives the same model on any number of cores.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from sitspark.models.history import Criterion, Epoch, is_better, merit
from sitspark.settings.search import Choice, Range, SearchSettings, combinations

if TYPE_CHECKING:  # it takes a third of a second to import, which only a search shall take
    import optuna

TRIALS, EPOCHS = "trials.parquet", "trial_epochs.parquet"  # of a search, in the folder of the model that was best

State = Literal["complete", "pruned", "failed"]
PrunerName = Literal["median", "halving"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a trial.

    `values` are those that were tried, by their keys; `epochs` those that count, of which `best` is the best by the
    criterion (none for a failed one); `problem` says why it failed.
    """

    values: Mapping[str, Any]
    state: State
    seconds: float
    epochs: tuple[Epoch, ...] = ()
    criterion: Criterion | None = None
    problem: str | None = None

    @property
    def best(self) -> Epoch | None:
        """The first epoch that none is better than."""
        if self.criterion is None:
            return None
        best = self.epochs[0]
        for epoch in self.epochs[1:]:
            if is_better(epoch, best, self.criterion):
                best = epoch
        return best

    @property
    def merits(self) -> tuple[float, ...]:
        """How good each epoch is, the higher the better."""
        return () if self.criterion is None else tuple(merit(epoch, self.criterion) for epoch in self.epochs)


def best_of(outcomes: Sequence[Outcome]) -> int | None:
    """The position of the complete trial with the best epoch, of equal ones the first; None where none is complete."""
    complete = [place for place, outcome in enumerate(outcomes) if outcome.state == "complete"]
    return max(complete, key=lambda place: max(outcomes[place].merits), default=None)


class Pruner:
    """Ends a trial early that is worse than those that were finished before it, by a rule of Optuna.

    It judges from their epochs and from the trial's own, so that the verdict is the same wherever and whenever it is asked for.
    Every trial has its first `grace` epochs.
    """

    def __init__(self, name: PrunerName, finished: Sequence[Outcome] = (), *, grace: int) -> None:
        self._name = name
        self._grace = grace
        self._finished: list[optuna.trial.FrozenTrial] = []
        self._judged: optuna.Trial | None = None
        self._epochs = 0
        self._verdict = False
        if finished:
            self._finished = self._with(finished)

    def after(self, outcomes: Sequence[Outcome] = ()) -> "Pruner":
        """A new one, for a trial after these as well: only they are gone through, not those that were finished before."""
        following = Pruner(self._name, grace=self._grace)
        following._finished = self._with(outcomes) if outcomes else self._finished
        return following

    def gives_up(self, history: Sequence[Epoch], criterion: Criterion) -> bool:
        """Whether the trial should end, or should have ended before; `history` are all of its epochs so far."""
        if self._judged is None:
            self._judged = self._study_of_others().ask()
        for epoch in history[self._epochs :]:
            if not self._verdict:
                self._verdict = _reported(self._judged, epoch.epoch, merit(epoch, criterion))
        self._epochs = len(history)
        return self._verdict

    def _with(self, outcomes: Sequence[Outcome]) -> "list[optuna.trial.FrozenTrial]":
        """The finished trials, and these after them."""
        study = self._study_of_others()
        for outcome in outcomes:
            if not outcome.merits:
                continue
            trial = study.ask()
            for number, value in enumerate(outcome.merits, 1):
                trial.report(value, number)
                if self._name == "halving":
                    trial.should_prune()  # what it notes of a trial it notes when asked
            _tell(study, trial, outcome.state, outcome.merits)
        return study.get_trials(deepcopy=False)

    def _study_of_others(self) -> "optuna.Study":
        import optuna

        rule: optuna.pruners.BasePruner
        if self._name == "median":
            rule = optuna.pruners.MedianPruner(n_warmup_steps=self._grace + 1)  # the first step that is judged
        else:
            rule = optuna.pruners.SuccessiveHalvingPruner(min_resource=self._grace)
        study = _study(optuna.samplers.RandomSampler(seed=0), rule)
        study.add_trials(self._finished)
        return study


def epochs_that_count(history: tuple[Epoch, ...], criterion: Criterion, pruner: Pruner, *, epochs: int) -> tuple[Epoch, ...]:
    """The epochs up to the one at which the pruner gives up; all of them where it doesn't before the last of `epochs`."""
    for count in range(1, min(len(history), epochs - 1) + 1):
        if pruner.gives_up(history[:count], criterion):
            return history[:count]
    return history


class Plan(Protocol):
    """What is tried, round after round."""

    @property
    def total(self) -> int:
        """The number of trials in all."""

    def ask(self) -> list[dict[str, Any]]:
        """The values of the trials of the next round; none: it is over."""

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Take the outcomes of the round that was asked for, in its order."""

    def pruner(self) -> Pruner | None:
        """What judges a trial of the next round; a new one for each. None: all run to their end."""


class Grid:
    """All combinations of lists of values, in one round."""

    def __init__(self, tried: Mapping[str, Choice | Range]) -> None:
        self._left = list(combinations(tried))
        self.total = len(self._left)

    def ask(self) -> list[dict[str, Any]]:
        """See Plan."""
        asked, self._left = self._left, []
        return asked

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """See Plan."""

    def pruner(self) -> Pruner | None:
        """See Plan."""
        return None


class Suggestions:
    """A number of trials in rounds, with values that Optuna's TPE sampler suggests (Bergstra et al. 2011).

    No trial ends before a tenth of the epochs.
    """

    def __init__(self, tried: Mapping[str, Choice | Range], search: SearchSettings, *, epochs: int, seed: int) -> None:
        import optuna

        assert search.trials is not None
        self.total = search.trials
        self._tried = tried
        self._together = search.together
        self._pruner = None if search.pruner == "none" else Pruner(search.pruner, grace=max(1, epochs // 10))
        # trials of a round don't know each other's results: without constant_liar they would crowd
        sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        self._study = _study(sampler, optuna.pruners.NopPruner())
        self._distributions = {name: _distribution(candidate) for name, candidate in tried.items()}
        self._asked: list[optuna.Trial] = []
        self._told = 0

    def ask(self) -> list[dict[str, Any]]:
        """See Plan."""
        count = min(self._together, self.total - self._told)
        self._asked = [self._study.ask(self._distributions) for _ in range(count)]
        return [{name: self._value(name, trial.params[name]) for name in self._tried} for trial in self._asked]

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """See Plan."""
        for trial, outcome in zip(self._asked, outcomes, strict=True):
            for number, value in enumerate(outcome.merits, 1):
                trial.report(value, number)
            _tell(self._study, trial, outcome.state, outcome.merits)
        self._told += len(outcomes)
        self._pruner = self._pruner and self._pruner.after(outcomes)

    def pruner(self) -> Pruner | None:
        """See Plan."""
        return self._pruner and self._pruner.after()

    def _value(self, name: str, suggested: Any) -> Any:
        candidate = self._tried[name]
        return candidate.values[suggested] if isinstance(candidate, Choice) else suggested


def _study(sampler: "optuna.samplers.BaseSampler", pruner: "optuna.pruners.BasePruner") -> "optuna.Study":
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)


def _distribution(candidate: Choice | Range) -> "optuna.distributions.BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(candidate, Choice):
        # places instead of values, which may be lists
        return CategoricalDistribution(range(len(candidate.values)))
    if candidate.integer:
        return IntDistribution(int(candidate.low), int(candidate.high), log=candidate.log)
    return FloatDistribution(candidate.low, candidate.high, log=candidate.log)


def _reported(trial: "optuna.Trial", epoch: int, value: float) -> bool:
    """Report an epoch; gives whether the study's rule would end the trial there."""
    trial.report(value, epoch)
    return trial.should_prune()


def _tell(study: "optuna.Study", trial: "optuna.Trial", state: State, merits: Sequence[float]) -> None:
    from optuna.trial import TrialState

    if state == "complete" and math.isfinite(max(merits)):
        study.tell(trial, max(merits))
    else:
        study.tell(trial, state=TrialState.PRUNED if state == "pruned" else TrialState.FAIL)
