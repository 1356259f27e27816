"""Baselines: the same samples, card and files as networks; what is stored says what scikit-learn and LightGBM said."""

import hashlib
import json
import os
import pickle
import shutil
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score, log_loss
from sklearn.svm import LinearSVC

from sitspark.accuracy.reliability import Reliability
from sitspark.errors import SitsparkError
from sitspark.models.baselines.bank import BASELINES
from sitspark.models.baselines.base import LearningSet, Task, random_state
from sitspark.models.baselines.boosting import Boosting, library
from sitspark.models.baselines.forest import Forest
from sitspark.models.baselines.linear import LinearSvm
from sitspark.models.baselines.load import load_baseline
from sitspark.models.baselines.stand_in import stand_in
from sitspark.models.baselines.subsample import stratified
from sitspark.models.baselines.training import samples_that_fit, train_baseline
from sitspark.models.calibration import softened
from sitspark.models.card import CARD, WEIGHTS, read_card
from sitspark.models.distributor import fit
from sitspark.models.inference import Classifier
from sitspark.models.job import TrainingJob
from sitspark.models.model import Model, read_files
from sitspark.settings import TrainingSettings
from sitspark.settings.baselines import ForestSettings, LightgbmSettings, LinearSvmSettings
from tests.processes import arguments_of, descendants

from .tables import CODES, Table, job, separable, write

KINDS = tuple(BASELINES)
CLASSES = 5


def baseline_job(samples: Path, root: Path, baseline: object, **settings: object) -> TrainingJob:
    untouched = {"epochs": 100, "batch_size": 1024, "learning_rate": 1e-3}
    return job(samples, root, baseline=baseline, **untouched | settings)


def small(kind: str) -> dict[str, object]:
    """A baseline of this kind that is fitted in a moment."""
    return {"kind": kind} | ({} if kind == "linear_svm" else {"trees": 8})


@pytest.fixture(scope="module")
def overlapping() -> Table:
    """Samples whose classes can't be told apart wholly."""
    table, random = separable(seed=3), np.random.default_rng(4)
    noisy = (table.features + random.normal(0, 900, table.features.shape)).astype(np.float32)
    return Table(noisy, table.label, table.fold, table.split, table.monitored)


@pytest.fixture(scope="module")
def overlapping_samples(overlapping: Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(overlapping, tmp_path_factory.mktemp("tables") / "overlapping")


@pytest.fixture(scope="module")
def done(overlapping_samples: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, TrainingJob]:
    """A job of each kind that was done in this process."""
    jobs = {kind: baseline_job(overlapping_samples, tmp_path_factory.mktemp(kind), small(kind)) for kind in KINDS}
    for each in jobs.values():
        train_baseline(each)
    return jobs


def learning_set(n: int, *, present: tuple[int, ...] = (0, 1, 2, 3, 4), seed: int = 0) -> LearningSet:
    random = np.random.default_rng(seed)
    positions = random.choice(np.array(present), n)
    centres = np.random.default_rng(99).uniform(500, 4000, (CLASSES, 11))
    features = (centres[positions] + random.normal(0, 1500, (n, 11))).astype(np.float32)
    return LearningSet(features, positions, random.uniform(0.5, 2, n).astype(np.float32))


def fitted(settings: object, samples: LearningSet, monitored: LearningSet | None = None, *, threads: int = 1) -> object:
    kind = BASELINES[settings.kind]  # type: ignore[attr-defined]
    steps: list[int] = []
    baseline = kind.fitted(settings, samples, monitored or learning_set(0), Task(CLASSES, 7, threads, steps.append))
    assert steps == sorted(steps) and steps[-1] <= kind.steps(settings)
    return baseline


@pytest.mark.parametrize("kind", ["random_forest", "extra_trees"])
@pytest.mark.parametrize("max_features", ["log2", "all", 3, 0.5])
def test_a_forest_fitted_in_parts_is_scikit_learns(kind: str, max_features: object) -> None:
    samples, new = learning_set(400, present=(0, 2, 4)), learning_set(333, seed=1).features
    settings = ForestSettings(kind=kind, trees=43, max_depth=6, min_samples_leaf=2, max_features=max_features)
    theirs = (RandomForestClassifier if kind == "random_forest" else ExtraTreesClassifier)(
        43,
        max_depth=6,
        min_samples_leaf=2,
        max_features=None if max_features == "all" else max_features,
        random_state=random_state(7),
    ).fit(samples.features, samples.positions, sample_weight=samples.weights)
    ours = fitted(settings, samples, threads=2)
    expected = np.zeros((333, CLASSES))
    expected[:, [0, 2, 4]] = theirs.predict_proba(new)
    np.testing.assert_array_equal(ours.probabilities(new), expected)


def test_leaves_that_say_the_same_share_a_distribution() -> None:
    forest = fitted(ForestSettings(kind="random_forest", trees=9, max_depth=None, min_samples_leaf=1), learning_set(300))
    assert isinstance(forest, Forest)
    # leaves of one class each
    assert sorted(forest.leaf_classes) == list(range(CLASSES)) and set(forest.shares) == {1.0}
    assert forest.size == 2 * np.count_nonzero(forest.left >= 0) + CLASSES


@pytest.mark.parametrize("present", [(0, 1, 2, 3, 4), (1, 3)])
def test_scores_of_boosting_are_lightgbms_bit_for_bit(present: tuple[int, ...]) -> None:
    samples, new = learning_set(500, present=present), learning_set(333, seed=1).features
    ours = fitted(LightgbmSettings(kind="lightgbm", trees=15, leaves=7), samples, learning_set(100, seed=2))
    assert isinstance(ours, Boosting)
    theirs = library().Booster(model_str=ours.text)
    np.testing.assert_array_equal(ours.scores(new), theirs.predict(new, raw_score=True))
    np.testing.assert_allclose(ours.probabilities(new)[:, list(present)], theirs.predict(new), rtol=1e-12)
    absent = [c for c in range(CLASSES) if c not in present]
    assert not ours.probabilities(new)[:, absent].any()


def test_boosting_stops_when_the_monitored_loss_no_longer_falls() -> None:
    samples = learning_set(400)
    random = LearningSet(samples.features, np.random.default_rng(0).permutation(samples.positions), samples.weights)
    settings = LightgbmSettings(kind="lightgbm", trees=60, learning_rate=0.5, patience=3)
    stopped = library().Booster(model_str=fitted(settings, samples, random).text)
    whole = library().Booster(model_str=fitted(settings.model_copy(update={"patience": None}), samples, random).text)
    assert stopped.num_trees() < 10 * CLASSES and whole.num_trees() == 60 * CLASSES


@pytest.mark.parametrize("present", [(0, 1, 2, 3, 4), (1, 3)])
def test_the_likeliest_class_is_the_linear_machines(present: tuple[int, ...]) -> None:
    samples, new = learning_set(500, present=present), learning_set(333, seed=1).features
    ours = fitted(LinearSvmSettings(kind="linear_svm", c=0.5), samples, learning_set(100, present=(*present, 2), seed=2))
    assert isinstance(ours, LinearSvm)
    mean, deviation = samples.features.mean(0, np.float64), samples.features.std(0, dtype=np.float64)
    theirs = LinearSVC(C=0.5, random_state=random_state(7))
    theirs.fit((samples.features - mean) / deviation, samples.positions, samples.weights)
    np.testing.assert_array_equal(ours.probabilities(new).argmax(1), theirs.predict((new - mean) / deviation))
    np.testing.assert_allclose(ours.probabilities(new).sum(1), 1)


def test_a_temperature_makes_probabilities_honest() -> None:
    """Its loss on new samples is less than with decision values as they are, and near that of the truth of one feature."""
    samples, monitored, new = (learning_set(2000, seed=seed) for seed in (0, 1, 2))
    ours = fitted(LinearSvmSettings(kind="linear_svm"), samples, monitored)
    losses = []
    for factor in (0.5, 1.0, 2.0):
        other = LinearSvm(ours.weights * factor, ours.bias * factor)
        losses.append(log_loss(new.positions, other.probabilities(new.features)))
    assert losses[1] == min(losses)


@pytest.mark.parametrize("kind", ["lightgbm", "linear_svm"])
def test_one_class_alone_is_refused_where_it_can_not_be_learnt(kind: str) -> None:
    with pytest.raises(SitsparkError, match=f"{kind} needs samples of two classes"):
        fitted(TrainingSettings(baseline=kind).baseline, learning_set(20, present=(3,)))


def test_a_forest_of_one_class_says_that_one() -> None:
    forest = fitted(ForestSettings(kind="random_forest", trees=3), learning_set(20, present=(3,)))
    np.testing.assert_array_equal(forest.probabilities(learning_set(5).features), np.eye(CLASSES)[[3] * 5])


def test_more_features_a_decision_than_there_are_is_refused() -> None:
    with pytest.raises(SitsparkError, match="max_features is 12 and samples have 11 features"):
        fitted(ForestSettings(kind="extra_trees", max_features=12), learning_set(20))


@pytest.mark.parametrize("kind", KINDS)
def test_weights_count(kind: str) -> None:
    """A sample of no weight changes nothing but for the draws of a forest; here all of a class lose theirs."""
    samples = learning_set(300)
    light = np.where(samples.positions == 2, np.float32(1e-6), samples.weights)
    found = fitted(
        TrainingSettings(baseline=small(kind)).baseline, LearningSet(samples.features, samples.positions, light)
    ).probabilities(samples.features)
    assert not (found.argmax(1) == 2).any()


@pytest.mark.parametrize("kind", KINDS)
def test_a_stored_baseline_says_what_the_fitted_one_said(kind: str, done: dict[str, TrainingJob], overlapping: Table) -> None:
    stored = load_baseline(done[kind].folder)
    classifier = Classifier.load(done[kind].folder)
    position, probability = classifier.classify(overlapping.features)
    found = classifier.probabilities(overlapping.features)
    assert classifier.codes.tolist() == list(CODES)
    assert (position.dtype, probability.dtype, found.dtype) == (np.int64, np.float32, np.float32)
    plain = stored.probabilities(overlapping.features)
    np.testing.assert_array_equal(replace(classifier, temperature=1.0).probabilities(overlapping.features), plain.astype("f4"))
    card = read_card(done[kind].folder)
    np.testing.assert_array_equal(found, softened(plain, card.temperature).astype("f4"))
    members = (overlapping.split == "train") & overlapping.monitored
    judged, true = stored.probabilities(overlapping.features[members]), np.searchsorted(CODES, overlapping.label[members])
    assert card.calibration is not None
    # of probabilities as they are, without the floor that the temperature is found with
    error = Reliability.between(judged.max(1), judged.argmax(1) == true).error
    assert card.calibration.error_before == pytest.approx(error)
    np.testing.assert_array_equal(position, plain.argmax(1))
    np.testing.assert_array_equal(probability, found.max(1))
    assert len(classifier.classify(overlapping.features[:0])[0]) == 0
    for size in (1, 31, 500):
        parts = [classifier.probabilities(overlapping.features[i : i + size]) for i in range(0, 1000, size)]
        np.testing.assert_array_equal(np.concatenate(parts)[:1000], found[:1000])


@pytest.mark.parametrize("kind", KINDS)
def test_metrics_are_scikit_learns(kind: str, done: dict[str, TrainingJob], overlapping: Table) -> None:
    card, probabilities = read_card(done[kind].folder), load_baseline(done[kind].folder).probabilities(overlapping.features)
    true, said = overlapping.label, np.array(CODES)[probabilities.argmax(1)]
    seen = overlapping.monitored
    assert card.metrics.oa == pytest.approx(accuracy_score(true[seen], said[seen]))
    assert card.metrics.kappa == pytest.approx(cohen_kappa_score(true[seen], said[seen]))
    assert card.metrics.fscore == pytest.approx(f1_score(true[seen], said[seen], average="macro"))
    assert card.metrics.validation_loss == pytest.approx(log_loss(true[seen], probabilities[seen]))
    assert card.metrics.train_loss == pytest.approx(log_loss(true[overlapping.fitted], probabilities[overlapping.fitted]))
    assert 0.5 < card.metrics.oa < 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_card_says_what_was_learnt_from(kind: str, done: dict[str, TrainingJob], overlapping: Table) -> None:
    card = read_card(done[kind].folder)
    assert (card.network.name, card.network.features, card.network.classes) == (kind, overlapping.features.shape[1], len(CODES))
    assert [c.train for c in card.classes] == [np.sum(overlapping.label[overlapping.fitted] == code) for code in CODES]
    assert [c.monitored for c in card.classes] == [np.sum(overlapping.label[overlapping.monitored] == code) for code in CODES]
    assert card.subsampled_from is None and card.subsampled == ""
    assert card.training == done[kind].settings
    assert (card.metrics.learning_rate, card.best_epoch) == (None, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_job_gives_the_same_bytes(
    kind: str, done: dict[str, TrainingJob], overlapping_samples: Path, tmp_path: Path
) -> None:
    again = baseline_job(overlapping_samples, tmp_path, small(kind))
    train_baseline(again)
    assert (again.folder / WEIGHTS).read_bytes() == (done[kind].folder / WEIGHTS).read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_file_is_no_pickle(kind: str, done: dict[str, TrainingJob]) -> None:
    content = (done[kind].folder / WEIGHTS).read_bytes()
    with pytest.raises((pickle.UnpicklingError, EOFError, ValueError, KeyError, IndexError)):
        pickle.loads(content)
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert {entry["dtype"] for name, entry in header.items() if name != "__metadata__"} <= {"I32", "I64", "F64", "U8"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_was_changed_is_refused(kind: str, done: dict[str, TrainingJob], tmp_path: Path) -> None:
    copied = Path(shutil.copytree(done[kind].folder, tmp_path / "copied"))
    content = bytearray((copied / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (copied / WEIGHTS).write_bytes(content)
    with pytest.raises(SitsparkError, match="SHA-256 differs"):
        Classifier.load(copied)


def test_arrays_of_another_baseline_are_refused(done: dict[str, TrainingJob], tmp_path: Path) -> None:
    copied = Path(shutil.copytree(done["lightgbm"].folder, tmp_path / "copied"))
    foreign = (done["linear_svm"].folder / WEIGHTS).read_bytes()
    (copied / WEIGHTS).write_bytes(foreign)
    card = json.loads((copied / CARD).read_text()) | {"weights_sha256": hashlib.sha256(foreign).hexdigest()}
    (copied / CARD).write_text(json.dumps(card))
    with pytest.raises(SitsparkError, match=r"weights\.safetensors: holds no lightgbm"):
        Classifier.load(copied)


def test_a_baseline_is_no_network_and_a_network_no_baseline(done: dict[str, TrainingJob], trained: TrainingJob) -> None:
    with pytest.raises(SitsparkError, match="network random_forest is not in this sitspark"):
        Model.load(done["random_forest"].folder)
    with pytest.raises(SitsparkError, match="is of a network, not of a baseline"):
        load_baseline(trained.folder)


@pytest.mark.parametrize(
    ("counts", "limit", "taken"), [((60, 30, 10), 10, (6, 3, 1)), ((98, 1, 1), 10, (9, 1, 1)), ((5, 5), 10, (5, 5))]
)
def test_a_subsample_keeps_the_share_of_each_class(counts: tuple[int, ...], limit: int, taken: tuple[int, ...]) -> None:
    positions = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    rows = stratified(positions, limit, seed=1)
    assert np.bincount(positions[rows], minlength=len(counts)).tolist() == list(taken)
    assert (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(rows, stratified(positions, limit, seed=1))
    if limit < len(positions):
        assert rows.tolist() != stratified(positions, limit, seed=2).tolist()


def test_a_larger_subsample_holds_the_smaller_one() -> None:
    positions = np.random.default_rng(0).integers(0, 3, 300)
    assert set(stratified(positions, 30, seed=0)) < set(stratified(positions, 90, seed=0))


@pytest.mark.parametrize("kind", KINDS)
def test_what_does_not_fit_into_memory_is_left_out_and_that_is_said(
    kind: str, overlapping_samples: Path, overlapping: Table, tmp_path: Path
) -> None:
    limit = 300
    room = limit * BASELINES[kind].sample_bytes(overlapping.features.shape[1], len(CODES)) / 1e9
    tight = baseline_job(overlapping_samples, tmp_path, small(kind), memory=room * 1.0001)
    assert samples_that_fit(tight.settings, overlapping.features.shape[1], len(CODES)) == limit
    train_baseline(tight)
    card = read_card(tight.folder)
    every = [int(np.sum(overlapping.label[overlapping.fitted] == code)) for code in CODES]
    share = limit * sum(every) // (sum(every) + int(overlapping.monitored.sum()))
    assert [c.train for c in card.classes] == [count * share // sum(every) for count in every]
    assert card.subsampled_from == sum(every)
    assert f"of {sum(every):,} samples" in card.subsampled


def test_no_memory_at_all_is_refused(overlapping_samples: Path, tmp_path: Path) -> None:
    with pytest.raises(SitsparkError, match=r"training\.memory of 1e-07 GB holds 0 samples"):
        train_baseline(baseline_job(overlapping_samples, tmp_path, "extra_trees", memory=1e-7))


def test_a_fold_that_is_left_out_is_never_seen(overlapping_samples: Path, overlapping: Table, tmp_path: Path) -> None:
    without = baseline_job(overlapping_samples, tmp_path, small("random_forest"))
    without = TrainingJob(**{name: getattr(without, name) for name in TrainingJob.__slots__} | {"left_out_fold": "31TCJ"})
    train_baseline(without)
    seen = overlapping.fitted & (overlapping.fold != "31TCJ")
    assert sum(c.train for c in read_files(without.folder)[0].classes) == seen.sum()


def test_a_baseline_is_trained_in_a_process_of_its_own_without_spark(
    overlapping_samples: Path, tmp_path: Path, done: dict[str, TrainingJob]
) -> None:
    each = baseline_job(overlapping_samples, tmp_path, small("extra_trees"))
    told: list[dict[str, object]] = []
    card = fit(each, on_epoch=told.append)
    assert card.network.name == "extra_trees" and told[-1] == {"epoch": 8, "epochs": 8}
    assert (each.folder / WEIGHTS).read_bytes() == (done["extra_trees"].folder / WEIGHTS).read_bytes()
    assert not each.scratch.exists()


def test_an_error_of_that_process_arrives_as_its_sentence(overlapping_samples: Path, tmp_path: Path) -> None:
    with pytest.raises(SitsparkError, match=r"^training\.memory of 1e-07 GB holds 0 samples"):
        fit(baseline_job(overlapping_samples, tmp_path, "extra_trees", memory=1e-7))


def test_a_killed_baseline_is_told_and_leaves_no_model(overlapping_samples: Path, tmp_path: Path) -> None:
    endless = baseline_job(overlapping_samples, tmp_path, {"kind": "extra_trees", "trees": 10**6})

    def kill() -> None:
        while not (found := [pid for pid in descendants(os.getpid()) if "sitspark.models.alone" in arguments_of(pid)]):
            time.sleep(0.05)
        os.kill(found[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(SitsparkError, match=r"process 1 of 1 was killed, most likely for want of memory; run the same command"):
        fit(endless)
    killer.join()
    assert not (endless.folder / CARD).exists() and not endless.scratch.exists()


@pytest.mark.parametrize("name", KINDS)
def test_a_name_stands_for_its_defaults(name: str) -> None:
    assert TrainingSettings(baseline=name) == TrainingSettings(baseline={"kind": name})
    assert TrainingSettings.model_validate(TrainingSettings(baseline=name).model_dump(mode="json")).baseline.kind == name


@pytest.mark.parametrize("setting", [{"epochs": 3}, {"network": "ltae"}, {"processes": 2}, {"stopping": {}}])
def test_keys_of_networks_beside_a_baseline_are_known_to_say_nothing(setting: dict[str, object]) -> None:
    beside, alone = (TrainingSettings(baseline=kind, **setting) for kind in ("random_forest", None))
    assert (beside.unread, alone.unread) == (tuple(setting), ())
    assert beside.ranks == 1


def test_a_search_beside_a_baseline_is_refused() -> None:
    with pytest.raises(ValueError, match="has a search beside the baseline random_forest"):
        TrainingSettings(baseline="random_forest", search={"try": {"epochs": [1, 2]}})


@pytest.mark.parametrize("kind", KINDS)
def test_a_stand_in_is_as_large_as_asked_for(kind: str) -> None:
    settings = TrainingSettings(baseline=small(kind)).baseline
    baseline = stand_in(settings, 11, CLASSES, samples=1000)
    assert baseline.probabilities(learning_set(40).features).shape == (40, CLASSES)
    # 8 trees of 1000 / (2 x 5) leaves; 8 rounds of 5 trees of 31 leaves; a matrix
    decisions = {"lightgbm": 8 * CLASSES * 30, "linear_svm": 0}.get(kind, 8 * 99)
    inner = 0 if isinstance(baseline, LinearSvm) else (baseline.trees.nodes[:, 0].view(np.float32) < np.inf).sum()
    assert inner == decisions
