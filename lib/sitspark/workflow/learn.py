"""The stages that train: one model of all polygons, or one model for each fold left out."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from sitspark.accuracy import figures
from sitspark.accuracy.assessment import metrics_json
from sitspark.accuracy.cross_validation import spread
from sitspark.accuracy.fold_scores import FoldScores
from sitspark.accuracy.search_figure import tried
from sitspark.atomic import publish, write_atomically
from sitspark.errors import SitsparkError, counted
from sitspark.ground_truth.folds import NOUNS
from sitspark.models.card import CARD, CODE, HISTORY, WEIGHTS, ModelCard, read_card
from sitspark.models.doubt import doubt
from sitspark.models.history import read_history
from sitspark.models.selection import Division
from sitspark.samples.table import feature_space_of
from sitspark.settings import Settings
from sitspark.settings.redaction import redacted
from sitspark.workflow.assess import score, spread_in_words
from sitspark.workflow.context import Context
from sitspark.workflow.divisions import SAMPLES, samples_of_run
from sitspark.workflow.divisions import VERSION as DIVISIONS_VERSION
from sitspark.workflow.judge_folds import judge_folds
from sitspark.workflow.keys import digest
from sitspark.workflow.members import PlannedModel, facts_of, grounds_of, in_a_path, members_of, planned_models
from sitspark.workflow.run_folder import StageRecord
from sitspark.workflow.stage import Outcome, Stage
from sitspark.workflow.training_place import told_executors


@dataclass(frozen=True, slots=True)
class Fold:
    """What is left out, in which run of the cross-validation, from 1 on."""

    left_out: str
    run: int

    def __str__(self) -> str:
        """As the name of a bar."""
        return f"without {self.left_out}" if self.run == 1 else f"without {self.left_out}, run {self.run}"


_NOTED = "noted.json"  # in the folder of a model: where MLflow knows of it, as training.track says


def _fit(context: Context, model: PlannedModel, name: str, *, fold: Fold | None = None) -> ModelCard:
    """Train one model, or search for it, with a bar of that name; one that was trained before a stop is taken as it is."""
    model_id = model.model_id
    # torch takes seconds to import: only when there is something to train
    from sitspark.models.checkpoint import CHECKPOINT
    from sitspark.models.distributor import fit
    from sitspark.models.job import TrainingJob
    from sitspark.models.tracking import refuse_without_mlflow
    from sitspark.workflow.searching import search

    folder = context.folder
    trained = _trained(folder.model(model_id))
    if trained is not None:
        # of a training that was killed when all but this was done
        (folder.model(model_id) / CHECKPOINT).unlink(missing_ok=True)
        context.voice.remark(f"{name}: {model_id} is trained already")
        return trained
    if context.settings.training.track is not None:
        refuse_without_mlflow()
    if feature_space_of(folder.table("samples")) != context.feature_space:
        raise SitsparkError("train: the samples are of other features than the settings give; run the stage samples again")
    if context.own_network is not None:
        from sitspark.models.trial import try_own

        try_own(context.own_network, context.feature_space, len(context.nomenclature), training=context.settings.training)
    job = TrainingJob(
        model_id=model_id,
        samples=folder.table("samples"),
        folder=folder.model(model_id),
        scratch=folder.scratch / model_id,
        nomenclature=context.nomenclature,
        settings=context.settings.training,
        seed=model.seed,
        left_out_fold=fold.left_out if fold else None,
        ground=model.ground,
        division=Division(folder.table(SAMPLES), fold.run) if fold is not None and fold.run > 1 else None,
        children=folder.table("children") if context.settings.samples.augmentation else None,
        quality=folder.table("quality") if context.settings.samples.quality else None,
        own=context.own_network,
        run=redacted(context.settings.model_dump(mode="json")),
    )
    if job.settings.search is not None:
        ground = model.ground and str(model.ground)
        basis = digest(_VERSION, folder.records()["samples"].key, context.own_code, _classes(context), model.seed, ground)
        return search(context, job, name, basis=basis)
    if job.settings.baseline is not None:
        from sitspark.models.baselines.bank import BASELINES

        if job.settings.unread:
            keys, kind = ", ".join(job.settings.unread), job.settings.baseline.kind
            context.voice.note(f"training: {keys} say nothing to the baseline {kind}, which has no network and no loop")
        steps = BASELINES[job.settings.baseline.kind].steps(job.settings.baseline)
        with context.voice.bar(name, steps, "steps") as update:
            return fit(job, spark=context.spark, on_epoch=lambda progress: update(progress["epoch"], ""))
    where = told_executors(context)
    if where is not None:
        context.voice.remark(where)
    epochs = context.settings.training.epochs
    with context.voice.bar(name, epochs, "epochs") as update:
        told: list[int] = []

        def on_epoch(progress: dict[str, Any]) -> None:
            if progress["resumed"] and not told:
                told.append(progress["resumed"])
                context.voice.remark(f"{name}: goes on from its checkpoint after epoch {progress['resumed']}")
            update(progress["epoch"], f"F {score(progress['fscore'])} loss {progress['train_loss']:.3f}")

        return fit(job, spark=context.spark, on_epoch=on_epoch)


def _trained(folder: Path) -> ModelCard | None:
    """The card of a whole model; its id has the key of the stage, so that it is of these samples and settings."""
    from sitspark.models.model import read_files

    if not (folder / HISTORY).exists():
        return None
    try:
        return read_files(folder)[0]
    except SitsparkError:
        return None


def _published(context: Context, model_id: str) -> tuple[Path, ...]:
    """Add a model's epochs to the table of all; gives the files that make the model known, its own and that one."""
    from sitspark.models.search import EPOCHS, TRIALS

    folder = context.folder.model(model_id)
    searched = context.settings.training.search is not None
    tables = {"history": folder / EPOCHS, "trials": folder / TRIALS} if searched else {"history": folder / HISTORY}
    for table, file in tables.items():
        publish(context.folder.table(table) / f"{model_id}.parquet", file.read_bytes())
    rows = (context.folder.table(table) / f"{model_id}.parquet" for table in tables)
    files = {folder / CARD, folder / WEIGHTS, folder / HISTORY, *tables.values()} | (
        {folder / CODE} if context.own_network else set()
    )
    return (*sorted(files), *rows)


def _train(context: Context, key: str) -> Outcome:
    """Leaves the id of all models together, which is that of their map, and the models themselves."""
    model_id = _model_id(context, key)
    models = planned_models(context, model_id, grounds_of(context))
    cards = [_trained_and_told(context, model, f"train{model.suffix}") for model in models]
    facts = {"model_id": model_id, "models": facts_of(models)}
    files = dict.fromkeys(file for model in models for file in _published(context, model.model_id))
    if len(models) > 1:
        return Outcome(f"{_several_in_words(models, cards)}{context.beside('train')}", facts, tuple(files))
    (card,) = cards
    baseline = card.training.baseline is not None
    chosen = "" if baseline else f", best at epoch {card.best_epoch} of {card.epochs} by {card.criterion}"
    taken = f"{card.subsampled}, samples {card.held}" if card.held else card.subsampled
    return Outcome(
        f"{card.network.name} of {card.network.parameters:,} {'numbers' if baseline else 'weights'}{chosen}{taken}: "
        f"monitored OA {score(card.metrics.oa)}, F {score(card.metrics.fscore)}{_searched(context, card.model_id)}"
        + context.beside("train"),
        facts,
        tuple(files),
    )


def _trained_and_told(context: Context, model: PlannedModel, name: str, *, fold: Fold | None = None) -> ModelCard:
    """Train a model, say what speaks against it, and note it where the settings say."""
    card = _fit(context, model, name, fold=fold)
    _say_doubt(context, card, name)
    _track(context, card)
    return card


def _several_in_words(models: Sequence[PlannedModel], cards: Sequence[ModelCard]) -> str:
    """The line on several models, by what is worst, and of which, and best of them."""
    grounds = {str(card.ground) for card in cards if card.ground}
    of = f" for {counted(len(grounds), cards[0].ground.kind)}" if cards[0].ground and len(grounds) else ""
    told = []
    for name, values in (("OA", [c.metrics.oa for c in cards]), ("F", [c.metrics.fscore for c in cards])):
        known = [(value, number) for number, value in enumerate(values) if value is not None]
        if not known:
            told.append(f"{name} -")
            continue
        (worst, number), (best, _) = min(known), max(known)
        which = models[number].suffix.strip() if models[number].ground else f"model {models[number].number}"
        told.append(f"{name} {score(worst)} ({which}) to {score(best)}")
    return f"{counted(len(cards), 'model')}{of}, {cards[0].network.name}: monitored {', '.join(told)}"


def _say_doubt(context: Context, card: ModelCard, name: str) -> None:
    """Say what speaks against a model: that a stage is done says nothing of what was learnt."""
    found = doubt(card, read_history(context.folder.model(card.model_id) / HISTORY))
    if found is not None:
        context.voice.note(f"{name}: {found}")


def _model_id(context: Context, key: str) -> str:
    """Named after the network, unless a search is to find that."""
    training = context.settings.training
    name = "search" if training.search is not None and "network" in training.search.try_ else training.model_name
    return f"{name}-{key[:8]}"


def _searched(context: Context, model_id: str) -> str:
    """The end of a sentence on a model that is the best of several."""
    if context.settings.training.search is None:
        return ""
    from sitspark.models.search import TRIALS

    rows = pq.read_table(context.folder.model(model_id) / TRIALS, columns=["chosen", "parameters"]).to_pylist()
    chosen = next(json.loads(row["parameters"]) for row in rows if row["chosen"])
    values = ", ".join(f"{name} {tried(value)}" for name, value in chosen.items())
    return f"; of {counted(len(rows), 'trial')} the best, with {values}"


def note_models(context: Context, records: Iterable[StageRecord]) -> None:
    """Note the models of stages that are done where the settings say, unless they are noted: a server may have been away."""
    if context.settings.training.track is None:
        return
    cards = {Path(path) for record in records for path in record.outputs if Path(path).match(f"models/*/{CARD}")}
    for path in sorted(cards):
        _track(context, read_card(context.folder.path / path.parent))


def _track(context: Context, card: ModelCard) -> None:
    """Note a model where the settings say, once; that it can't be noted loses no model."""
    track, folder = context.settings.training.track, context.folder.model(card.model_id)
    if track is None:
        return
    noted, where = folder / _NOTED, track.model_dump_json()
    if noted.exists() and noted.read_text(encoding="utf-8") == where:
        return
    from sitspark.models.tracking import track_model

    try:
        track_model(track, card, folder, run=context.folder.path)
        write_atomically(noted, where)
    except Exception as error:  # of MLflow, of its server, of the network: of many kinds
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        context.voice.note(f"training.track: {card.model_id} is trained and kept, but MLflow doesn't know of it: {reason}")


def refuse_folds_of_models(settings: Settings) -> None:
    """Raise SitsparkError where what is left out would have no model."""
    per, truth = settings.training.model_per, settings.ground_truth
    if settings.observations is None and truth is not None and per == truth.folds:
        raise SitsparkError(
            f"cross-validate: a {per} left out has no model of its own (training.model_per {per}); choose other "
            "ground_truth.folds (--by), or training.model_per map"
        )


def _cross_validate(context: Context, key: str) -> Outcome:
    """The models of a map once for each fold left out; all are judged in one pass over the labelled pixels."""
    from sitspark.accuracy.fold_classes import FoldModels

    folds_left_out = _folds(context)
    # all of them before any is trained: a fold without which no ground has samples is told at once
    planned = [_planned(context, fold) for fold in folds_left_out]
    models, parts = [], []
    for fold, own in zip(folds_left_out, planned, strict=True):
        for model in own:
            card = _trained_and_told(context, model, f"{fold}{model.suffix}", fold=fold)
            parts.append(card.subsampled)
        models.append(FoldModels(fold.left_out, members_of(context, own), context.settings.map.combine, fold.run))
    folds = judge_folds(context, models, key=key)
    metrics = metrics_json(context.nomenclature, assessment=None, folds=folds)["cross_validation"]
    if metrics["caution"] is not None:
        context.voice.note(f"cross_validate: {metrics['caution']}")
    accuracy = context.folder.accuracy
    write_atomically(accuracy / "cross_validation.json", json.dumps(metrics, indent=2, ensure_ascii=False))
    publish(accuracy / "cross_validation.png", figures.cross_validation_figure(folds))
    noun = NOUNS[context.truth.folds] if context.settings.observations is None else "fold"
    runs = context.settings.runs
    often = "" if runs == 1 else f", {runs} times, the ground truth divided anew each time"
    return Outcome(
        f"{counted(sum(fold.run == 1 for fold in folds), noun)} left out in turn{often}: mean F {_mean(folds, 'same_area')} in "
        f"the same area, {_mean(folds, 'left_out')} on what was left out{max(parts, key=len)}",
        {
            "model_id": _stem(context),
            "folds": [fold.to_facts() | {"models": facts_of(own)} for fold, own in zip(folds, planned, strict=True)],
        },
        (
            context.folder.table("confusion_folds"),
            accuracy / "cross_validation.json",
            accuracy / "cross_validation.png",
            *dict.fromkeys(file for of in models for one in of.members for file in _published(context, one.folder.name)),
        ),
    )


def _folds(context: Context) -> list[Fold]:
    """What is left out in turn, run by run; raises SitsparkError for a run with fewer than two folds."""
    table = context.settings.observations
    found = []
    for run in range(1, context.settings.runs + 1):
        samples = samples_of_run(context, run)
        rows = samples.where("fold is not null").select("fold").distinct().orderBy("fold").collect()
        names = [row.fold for row in rows]
        if len(names) < 2:
            noun = NOUNS[context.truth.folds] if table is None else "fold"
            remedy = (
                "choose others, as --by random; the accuracy on the polygons set aside is in the report"
                if table is None
                else "name a column under observations.fold, or say --by random"
            )
            raise SitsparkError(
                f"cross-validate: leaving a {noun} out needs labelled polygons in two of them or more, here is "
                f"{', '.join(names) or 'none'}; {remedy}"
            )
        found += [Fold(name, run) for name in names]
    return found


def _stem(context: Context) -> str:
    return _model_id(context, _key_of_fold_models(context))


def _planned(context: Context, fold: Fold) -> tuple[PlannedModel, ...]:
    """The models that are trained without a fold."""
    of_run = "" if fold.run == 1 else f"-run{fold.run}.{DIVISIONS_VERSION}"
    grounds = grounds_of(context, without=fold.left_out, run=fold.run)
    return planned_models(context, f"{_stem(context)}{of_run}-without-{in_a_path(fold.left_out)}", grounds, run=fold.run)


def _mean(folds: tuple[FoldScores, ...], area: str) -> str:
    return spread_in_words(spread([getattr(fold, area).mean_f_score for fold in folds]))


def _classes(context: Context) -> Any:
    return [[c.code, c.name] for c in context.nomenclature]


def _inputs(context: Context) -> Any:
    settings = context.settings
    return [settings.training.learnt(), context.own_code, settings.seed, _classes(context)]


def _key_of_fold_models(context: Context) -> str:
    """What the models of the folds depend on: how they are judged is no part of it, so that it trains none of them anew."""
    return digest(_VERSION, context.folder.records()["samples"].key, _inputs(context))


def _inputs_of_folds(context: Context) -> Any:
    drawn, grid = context.settings.map, context.settings.grid
    boundary = drawn.boundary and drawn.boundary.model_dump(mode="json")
    return [_inputs(context), drawn.combine, boundary, grid.overlap]


_VERSION = 1  # of what is learnt, in all models
_JUDGED_VERSION = 2  # of how the models of folds are judged

_TRAIN = Stage("train", ("samples",), _VERSION, _inputs, _train)
_CROSS_VALIDATE = Stage("cross_validate", ("samples",), _VERSION + _JUDGED_VERSION, _inputs_of_folds, _cross_validate)


def stages(settings: Settings) -> tuple[Stage, ...]:
    """The stages that train; several runs of a cross-validation follow from how each divides the samples."""
    if settings.runs == 1:
        return _TRAIN, _CROSS_VALIDATE
    return _TRAIN, replace(_CROSS_VALIDATE, after=("samples", "divisions"))
