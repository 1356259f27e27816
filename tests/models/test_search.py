"""A search without Spark: the same seed suggests the same, the best is found, pruning hangs on finished trials alone."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sitspark.models.card import HISTORY, read_card
from sitspark.models.history import Epoch, read_history
from sitspark.models.job import LOG
from sitspark.models.search import Grid, Outcome, Pruner, Suggestions, best_of, epochs_that_count
from sitspark.models.search_trial import RECORD, read_outcome, run_trial
from sitspark.settings.search import Choice, Range, SearchSettings

from .tables import job

TRIED = {
    "learning_rate": Range(1e-5, 1e-1, log=True, integer=False),
    "balance": Choice(((), ("class",))),
    "n": Range(1, 9, log=False, integer=True),
}


def epochs(*scores: float | None) -> tuple[Epoch, ...]:
    return tuple(Epoch(i, 1.0, 1.0, score, None, score, 0.1, 1.0, 1.0) for i, score in enumerate(scores, 1))


def complete(*scores: float | None) -> Outcome:
    return Outcome({}, "complete", 1.0, epochs(*scores), "fscore")


def with_losses(*losses: float) -> Outcome:
    history = tuple(replace(epoch, validation_loss=loss) for epoch, loss in zip(epochs(*losses), losses, strict=True))
    return Outcome({}, "complete", 1.0, history, "loss")


FAILED = Outcome({}, "failed", 1.0, problem="the loss became nan")


def suggestions(trials: int = 6, *, seed: int = 1, pruner: str = "median", together: int = 2) -> Suggestions:
    search = SearchSettings.model_validate({"try": {"x": [1]}, "trials": trials, "together": together, "pruner": pruner})
    return Suggestions(TRIED, search, epochs=10, seed=seed)


def asked(plan: Suggestions, outcomes: Sequence[Outcome]) -> list[dict]:
    """All that a plan suggests that gets these outcomes one after the other."""
    left, found = list(outcomes), []
    while values := plan.ask():
        found += values
        plan.tell([left.pop(0) for _ in values])
    return found


OUTCOMES = [complete(0.1), FAILED, complete(0.5), complete(None), replace(complete(0.2), state="pruned"), complete(0.4)]


def test_the_same_seed_and_results_suggest_the_same() -> None:
    first = asked(suggestions(), OUTCOMES)
    assert first == asked(suggestions(), OUTCOMES)
    assert first != asked(suggestions(seed=2), OUTCOMES)


def test_suggestions_are_of_what_is_tried_and_as_many_as_asked_for() -> None:
    found = asked(suggestions(5, together=3), OUTCOMES)
    assert len(found) == 5
    for values in found:
        assert list(values) == list(TRIED)
        assert 1e-5 <= values["learning_rate"] <= 1e-1 and values["balance"] in ((), ("class",))
        assert isinstance(values["n"], int) and 1 <= values["n"] <= 9


def test_suggestions_turn_to_what_is_better() -> None:
    plan = suggestions(40, together=1, pruner="none")
    rates: list[float] = []
    while values := plan.ask():
        rates.append(values[0]["learning_rate"])
        plan.tell([complete(1 if rates[-1] > 1e-2 else 0.1)])
    late = rates[-15:]
    assert sum(rate > 1e-2 for rate in late) > 8  # a quarter of the range, in orders of magnitude


def test_a_grid_is_one_round_without_pruning() -> None:
    grid = Grid({"a": Choice((1, 2)), "b": Choice(("x",))})
    assert (grid.total, grid.ask(), grid.ask(), grid.pruner()) == (2, [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}], [], None)


@pytest.mark.parametrize(
    ("outcomes", "best"),
    [
        ([complete(0.1, 0.3), complete(0.2), complete(0.3)], 0),
        ([FAILED, complete(None), complete(0.2, 0.1)], 2),
        ([complete(None), FAILED], 0),
        ([replace(complete(0.9), state="pruned"), complete(0.1)], 1),
        ([FAILED, replace(complete(0.9), state="pruned")], None),
        ([with_losses(0.9), with_losses(0.8, 0.5), with_losses(0.6)], 1),
    ],
    ids=["first of equals", "nulls and failures", "nothing defined", "pruned", "none", "loss"],
)
def test_the_best_is_complete_and_first(outcomes: list[Outcome], best: int | None) -> None:
    assert best_of(outcomes) == best


GOOD = [complete(*(0.5 + 0.01 * i + 0.01 * epoch for epoch in range(10))) for i in range(6)]


@pytest.mark.parametrize("name", ["median", "halving"])
def test_what_is_worse_ends_after_its_first_epochs_and_what_is_better_does_not(name: str) -> None:
    def first(score: float) -> int:
        history = epochs(*[score] * 10)
        return len(epochs_that_count(history, "fscore", Pruner(name, GOOD, grace=2), epochs=10))  # type: ignore[arg-type]

    assert first(0.9) == 10
    assert 2 <= first(0.1) <= 3


def test_nothing_ends_early_before_others_are_finished() -> None:
    assert epochs_that_count(epochs(0.1, 0.1, 0.1), "fscore", Pruner("median", [], grace=1), epochs=3) == epochs(0.1, 0.1, 0.1)


def test_a_verdict_does_not_hang_on_how_often_it_is_asked_for() -> None:
    history = epochs(0.9, 0.9, 0.1, 0.1, 0.1)
    for name in ("median", "halving"):
        now_and_then, at_once = (Pruner(name, GOOD, grace=1) for _ in range(2))  # type: ignore[arg-type]
        told = [now_and_then.gives_up(history[:n], "fscore") for n in (1, 2, 3, 5)]
        assert at_once.gives_up(history, "fscore") == told[-1]


@pytest.mark.parametrize("name", ["median", "halving"])
def test_a_pruner_that_hears_of_trials_round_by_round_judges_like_one_that_hears_of_all(name: str) -> None:
    others = [*GOOD, FAILED, replace(GOOD[2], state="pruned"), complete(*[None] * 10), complete(*[0.3] * 10)]
    whole = Pruner(name, others, grace=1)  # type: ignore[arg-type]
    by_rounds = Pruner(name, grace=1)  # type: ignore[arg-type]
    for first in range(0, len(others), 4):
        by_rounds = by_rounds.after(others[first : first + 4])
    for score in (0.2, 0.45, 0.55, 0.6, 0.9):
        history = epochs(*(score + 0.001 * number for number in range(9)))
        verdicts = [
            [pruner.gives_up(history[:n], "fscore") for n in range(1, 10)] for pruner in (whole.after(), by_rounds.after())
        ]
        assert verdicts[0] == verdicts[1]


def test_a_trial_leaves_a_model_and_its_record(samples: Path, tmp_path: Path) -> None:
    tiny = job(samples, tmp_path, epochs=3)
    run_trial(tiny)
    outcome = read_outcome(tiny.folder, {"epochs": 3}, None, epochs=3)
    assert outcome is not None and outcome.state == "complete" and not tiny.scratch.exists()
    card = read_card(tiny.folder)
    assert outcome.best == card.metrics and outcome.epochs == read_history(tiny.folder / HISTORY)
    assert (tiny.folder / LOG).read_text().splitlines()[-1].startswith("epoch 3 of 3: loss")


def test_a_trial_that_fails_says_why_and_raises_nothing(samples: Path, tmp_path: Path) -> None:
    wild = job(samples, tmp_path, learning_rate=1e30)
    run_trial(wild)
    outcome = read_outcome(wild.folder, {}, None, epochs=4)
    assert outcome is not None and outcome.state == "failed" and outcome.best is None
    assert "the loss became nan in epoch" in str(outcome.problem)


def test_a_pruner_ends_the_training(samples: Path, tmp_path: Path) -> None:
    finished = [complete(*[2.0] * 10) for _ in range(6)]
    poor = replace(job(samples, tmp_path, epochs=10), pruner=Pruner("median", finished, grace=1))
    run_trial(poor)
    assert len(read_history(poor.folder / HISTORY)) == 2
    outcome = read_outcome(poor.folder, {}, Pruner("median", finished, grace=1), epochs=10)
    assert outcome is not None and (outcome.state, len(outcome.epochs)) == ("pruned", 2)
    # what another search ended is not what this one would have
    assert read_outcome(poor.folder, {}, None, epochs=10) is None


def test_a_complete_trial_counts_as_far_as_the_pruner_lets_it(samples: Path, tmp_path: Path) -> None:
    whole = job(samples, tmp_path, epochs=4)
    run_trial(whole)
    pruner = Pruner("median", [complete(*[2.0] * 4) for _ in range(6)], grace=1)
    outcome = read_outcome(whole.folder, {}, pruner, epochs=4)
    assert outcome is not None and (outcome.state, len(outcome.epochs)) == ("pruned", 2)


@pytest.mark.parametrize("damage", ["record", "weights"])
def test_a_damaged_trial_is_none(samples: Path, tmp_path: Path, damage: str) -> None:
    tiny = job(samples, tmp_path, epochs=1)
    run_trial(tiny)
    if damage == "record":
        (tiny.folder / RECORD).write_text("{")
    else:
        (tiny.folder / "weights.safetensors").write_bytes(b"")
    assert read_outcome(tiny.folder, {}, None, epochs=1) is None
