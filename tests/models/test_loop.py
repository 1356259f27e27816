from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score, log_loss

from sitspark.errors import SitsparkError
from sitspark.models import batches
from sitspark.models.calibration import temperature_of
from sitspark.models.card import HISTORY, WEIGHTS, ModelCard, read_card
from sitspark.models.inference import Classifier
from sitspark.models.job import TrainingJob
from sitspark.models.loop import train
from sitspark.models.precision import computes_in_bf16

from .tables import Table, job, of_the_reference_job, write


def monitored(table: Table) -> np.ndarray:
    return (table.split == "train") & table.monitored


def test_separable_classes_are_recovered(table: Table, samples: Path, tmp_path: Path) -> None:
    longer = job(samples, tmp_path, epochs=40, criterion="loss")
    train(longer)
    classifier, aside = Classifier.load(longer.folder), table.split == "validation"
    position, probability = classifier.classify(table.features[aside])
    assert (classifier.codes[position] == table.label[aside]).mean() > 0.99
    assert probability.mean() > 0.9


def test_metrics_are_those_of_scikit_learn(table: Table, trained: TrainingJob, card: ModelCard) -> None:
    # the loss is that of the scores as they are
    classifier, members = replace(Classifier.load(trained.folder), temperature=1.0), monitored(table)
    reference, probabilities = table.label[members], classifier.probabilities(table.features[members])
    produced = classifier.codes[probabilities.argmax(1)]
    assert card.metrics.oa == pytest.approx(accuracy_score(reference, produced))
    assert card.metrics.kappa == pytest.approx(cohen_kappa_score(reference, produced))
    assert card.metrics.fscore == pytest.approx(f1_score(reference, produced, average="macro"))
    exact = probabilities.astype(np.float64)
    loss = log_loss(reference, exact / exact.sum(1, keepdims=True), labels=classifier.codes)
    assert card.metrics.validation_loss == pytest.approx(loss, rel=1e-3, abs=1e-6)


def test_wrong_labels_show_in_the_metrics(table: Table, tmp_path: Path) -> None:
    random, wrong = np.random.default_rng(0), table.label.copy()
    members = np.flatnonzero(monitored(table))
    chosen = random.choice(members, len(members) // 4, replace=False)
    wrong[chosen] = np.where(wrong[chosen] == 11, 12, 11)
    wrongly = job(write(replace(table, label=wrong), tmp_path / "t"), tmp_path, epochs=12)
    train(wrongly)
    assert read_card(wrongly.folder).metrics.oa == pytest.approx(1 - len(chosen) / len(members), abs=0.02)


def test_the_same_job_gives_the_same_bytes(samples: Path, trained: TrainingJob, tmp_path: Path) -> None:
    again = job(samples, tmp_path)
    train(again)
    assert (again.folder / WEIGHTS).read_bytes() == (trained.folder / WEIGHTS).read_bytes()


def test_history_has_a_row_an_epoch(trained: TrainingJob, card: ModelCard) -> None:
    history = pd.read_parquet(trained.folder / HISTORY)
    assert history["epoch"].tolist() == [1, 2, 3, 4]
    assert set(history["model_id"]) == {"m"}
    assert history["train_loss"].is_monotonic_decreasing
    best = history.sort_values("fscore", ascending=False, kind="stable").iloc[0]
    assert best["epoch"] == card.best_epoch


def test_the_weights_kept_are_those_of_the_best_epoch(samples: Path, tmp_path: Path) -> None:
    long = job(samples, tmp_path / "long", criterion="fscore")
    train(long)
    best = read_card(long.folder).best_epoch
    short = job(samples, tmp_path / "short", epochs=best)
    train(short)
    assert (long.folder / WEIGHTS).read_bytes() == (short.folder / WEIGHTS).read_bytes()


def test_the_card_says_what_was_used(table: Table, samples: Path, tmp_path: Path) -> None:
    partial = job(samples, tmp_path, left_out_fold="31TCJ", epochs=1)
    train(partial)
    card = read_card(partial.folder)
    assert card.left_out_fold == "31TCJ"
    inside = table.fold != "31TCJ"
    for found in card.classes:
        of_class = inside & (table.label == found.code)
        assert (found.train, found.monitored) == ((of_class & table.fitted).sum(), (of_class & monitored(table)).sum())
    fitted = table.features[inside & table.fitted].astype(np.float64)
    np.testing.assert_allclose(card.statistics.mean, fitted.mean(0), rtol=1e-12)


def test_without_monitored_samples_the_training_loss_chooses(table: Table, tmp_path: Path) -> None:
    bare = replace(table, monitored=np.zeros(len(table.label), bool))
    alone = job(write(bare, tmp_path / "t"), tmp_path, epochs=2)
    train(alone)
    card = read_card(alone.folder)
    assert (card.criterion, card.best_epoch) == ("train_loss", 2)
    assert card.metrics.validation_loss is None
    assert card.metrics.oa is None


def test_a_loss_that_explodes_stops_with_a_sentence(samples: Path, tmp_path: Path) -> None:
    wild = job(samples, tmp_path, learning_rate=1e30)
    with pytest.raises(SitsparkError, match=r"loss became \S+ in epoch 1, batch \d+ \(features there are within .* to "):
        train(wild)
    with pytest.raises(SitsparkError, match="is no model"):
        read_card(wild.folder)


CHANGES: list[dict[str, object]] = [
    {"optimiser": {"kind": "adamw", "weight_decay": 0.1}},
    {"optimiser": {"weight_decay": 0.01}},
    {"optimiser": {"kind": "sgd"}},
    {"optimiser": {"kind": "sgd", "momentum": 0.0}, "learning_rate": 0.3},
    {"loss": {"kind": "focal"}},
    {"loss": {"kind": "focal", "gamma": 1.0}},
    {"loss": {"label_smoothing": 0.1}},
    {"schedule": {"kind": "cosine"}},
    {"schedule": {"kind": "one_cycle"}},
    {"schedule": {"kind": "plateau", "patience": 0, "factor": 0.5}, "criterion": "oa"},
    {"schedule": {"warm_up": 1}},
    {"clip_gradient": 0.1},
    {"centre": "median"},
    {"precision": "bf16"},
    {"held_as": "float16"},
]


@pytest.mark.parametrize("changed", CHANGES, ids=str)
def test_no_option_is_ignored_and_every_one_learns(
    changed: dict[str, object], table: Table, samples: Path, tmp_path: Path
) -> None:
    if changed.get("precision") == "bf16" and not computes_in_bf16(torch.device("cpu")):
        pytest.skip("this processor computes in fp32 alone")
    plain, other = job(samples, tmp_path / "plain", epochs=9), job(samples, tmp_path / "other", epochs=9, **changed)
    train(plain)
    train(other)
    assert (plain.folder / WEIGHTS).read_bytes() != (other.folder / WEIGHTS).read_bytes()
    metrics = read_card(other.folder).metrics
    assert metrics.oa is not None and metrics.oa > 0.5


def test_what_weighs_nothing_is_not_learnt(table: Table, tmp_path: Path) -> None:
    """A third of the labels of class 11 say 12, and weigh 0."""
    wrong, weight = table.label.copy(), np.ones(len(table.label))
    members = np.flatnonzero((table.label == 11) & table.fitted)[::3]
    wrong[members], weight[members] = 12, 0.0
    samples = write(replace(table, label=wrong), tmp_path / "t", weight=weight)
    weighted = job(samples, tmp_path, epochs=40, criterion="loss")
    train(weighted)
    classifier = Classifier.load(weighted.folder)
    assert (classifier.codes[classifier.classify(table.features[members])[0]] == 11).all()


def test_samples_that_do_not_fit_are_learnt_from_part_by_part(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parted = job(samples, tmp_path / "whole", epochs=9), job(samples, tmp_path / "parted", epochs=9, memory=2e-5)
    train(whole)
    monkeypatch.setattr(batches, "_BLOCK", 64)
    train(parted)
    assert (whole.folder / WEIGHTS).read_bytes() != (parted.folder / WEIGHTS).read_bytes()
    cards = read_card(parted.folder), read_card(whole.folder)
    assert cards[1].held == "held in memory as float32"
    assert cards[0].parts is not None and cards[0].held == f"read as float32 in {cards[0].parts} parts an epoch"
    found, expected = (card.metrics.oa for card in cards)
    assert found == pytest.approx(expected, abs=0.05)


def test_the_reference_job_learns(tmp_path: Path) -> None:
    """481-240-69-69-23, batches of 4096, a rate of 1e-5, the epoch of the best F-score."""
    table, space, nomenclature = of_the_reference_job(6000)
    samples = write(table, tmp_path / "samples", space=space)
    asked = job(samples, tmp_path, batch_size=4096, learning_rate=1e-5, epochs=4, criterion="fscore")
    train(replace(asked, nomenclature=nomenclature))
    card, history = read_card(asked.folder), pd.read_parquet(asked.folder / HISTORY)
    assert (card.network.features, card.network.classes, card.network.parameters) == (481, 23, 138_749)
    assert history["train_loss"].is_monotonic_decreasing and history["fscore"].iloc[-1] > history["fscore"].iloc[0]


def test_training_ends_when_it_stalls(samples: Path, tmp_path: Path) -> None:
    early = job(samples, tmp_path, epochs=500, criterion="oa", stopping={"patience": 4})
    train(early)
    card = read_card(early.folder)
    assert card.epochs == len(pd.read_parquet(early.folder / HISTORY)) == card.best_epoch + 4


def test_the_history_has_the_rate_of_each_epoch(samples: Path, tmp_path: Path) -> None:
    falling = job(samples, tmp_path, schedule={"kind": "cosine"})
    train(falling)
    rates = pd.read_parquet(falling.folder / HISTORY)["learning_rate"]
    assert rates.is_monotonic_decreasing and rates.iloc[0] < 0.01 and rates.iloc[-1] < 1e-3


def test_weights_that_the_last_step_breaks_are_refused(samples: Path, tmp_path: Path) -> None:
    with pytest.raises(
        SitsparkError, match=r"the last step of epoch 1 left weights that aren.t finite; lower training\.learning"
    ):
        train(job(samples, tmp_path, epochs=1, batch_size=10_000, learning_rate=1e39))


def test_a_gpu_that_is_not_there_is_told(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(
        SitsparkError,
        match=r"training.device: gpu asks for 1 GPU on this machine, one for each process, and torch sees none; choose auto",
    ):
        train(job(samples, tmp_path, device="gpu"))


def test_the_card_says_what_was_trained_on_and_how_it_is_calibrated(
    table: Table, samples: Path, trained: TrainingJob, card: ModelCard, tmp_path: Path
) -> None:
    assert card.data is not None and card.data.rows == len(table.label) and card.data.made_with is None
    members = monitored(table)
    assert card.calibration is not None and card.calibration.samples == members.sum()
    plain = replace(Classifier.load(trained.folder), temperature=1.0).probabilities(table.features[members]).astype(float)
    positions = np.searchsorted([11, 12, 31], table.label[members])
    assert card.temperature == pytest.approx(temperature_of(np.log(plain), positions), rel=1e-3)
    run = replace(job(samples, tmp_path, epochs=1, calibrate=False), run={"seed": 5})
    train(run)
    assert (read_card(run.folder).calibration, read_card(run.folder).settings) == (None, {"seed": 5})
    assert Classifier.load(run.folder).temperature == 1


def test_without_monitored_samples_nothing_is_calibrated(table: Table, tmp_path: Path) -> None:
    bare = job(write(replace(table, monitored=np.zeros(len(table.label), bool)), tmp_path / "t"), tmp_path, epochs=1)
    train(bare)
    calibration = read_card(bare.folder).calibration
    assert calibration is not None
    assert (calibration.temperature, calibration.samples, calibration.error_after) == (1.0, 0, None)
