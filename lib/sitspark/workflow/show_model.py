"""The card of a model, as people read it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from sitspark.errors import SitsparkError, counted, some
from sitspark.models.card import CARD, WEIGHTS, ModelCard
from sitspark.models.history import Criterion
from sitspark.workflow.members import models_of
from sitspark.workflow.run_folder import found_run

_CRITERIA: dict[Criterion, str] = {
    "loss": "lowest loss",
    "oa": "best OA",
    "kappa": "best kappa",
    "fscore": "best mean F",
    "train_loss": "lowest training loss (nothing was monitored)",
}


def model_folder(model: str | None, run: Path | None) -> Path:
    """The folder of a model: `model` is a folder itself, or the beginning of an id in the run; None: the run's only one.

    Of a run that has several without one being named, that of its stage train. Raises SitsparkError where there is none, and
    where it isn't clear which.
    """
    if model is not None and (Path(model) / CARD).is_file():
        return Path(model)
    if model is not None and run is None and Path(model).is_dir():
        raise SitsparkError(f"{model}: is no model, for it has no {CARD}; name the folder of a model, or a run: --run {model}")
    folder = found_run(run)
    there = sorted(card.parent.name for card in (folder.path / "models").glob(f"*/{CARD}"))
    if not there:
        raise SitsparkError(f"{folder.path} has no model; train one: sitspark train SETTINGS")
    if model is None:
        record = folder.records().get("train")
        own = [one.model_id for one in models_of(record.facts)] if record else []
        wanted = own if own and set(own) <= set(there) else there
    else:
        # an id may begin another
        wanted = [name for name in there if name == model] or [name for name in there if name.startswith(model)]
    if len(wanted) != 1:
        which = f"no model {model}, but" if not wanted else f"{counted(len(wanted), 'model')}:"
        raise SitsparkError(f"{folder.path} has {which} {some(wanted or there, most=10)}; name one of them")
    return folder.model(wanted[0])


def show(card: ModelCard, folder: Path, console: Console) -> None:
    """Print a card, and whether the weights beside it are those that it was written for."""
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column()
    for name, value in _facts(card, folder):
        facts.add_row(name, Text(value))
    console.print(f"[bold]{escape(card.model_id)}[/]", soft_wrap=True)
    console.print(facts)
    console.print()
    console.print(_classes(card))


def _facts(card: ModelCard, folder: Path) -> Iterator[tuple[str, str]]:
    network, space, training, best = card.network, card.space, card.training, card.metrics
    shape = f"{network.features} features to {network.classes} classes"
    yield "network", f"{network.name} of {network.parameters:,} trained numbers, {shape}"
    yield "features", str(space)
    for sensor in space.sensors:
        dates = sensor.grid.dates
        filled = f"filled by {sensor.filler.name}" if sensor.filler.name != "none" else "not filled"
        yield f"  {sensor.sensor}", f"{', '.join(sensor.bands)}; {dates[0]} to {dates[-1]}, {sensor.grid}, {filled}"
    if card.ground is not None:
        yield "ground", f"{card.ground.kind} {card.ground.name}"
    of = "" if card.run == 1 else f", run {card.run}"
    yield "left out", "nothing" if card.left_out_fold is None else f"fold {card.left_out_fold}{of}"
    rate = f"{training.optimiser.kind} with learning rate {training.learning_rate:g} ({training.schedule.kind})"
    yield "training", f"{counted(training.epochs, 'epoch')} of batches of {training.batch_size}, {rate}, seed {card.seed}"
    yield "kept", f"epoch {card.best_epoch}, of the {_CRITERIA[card.criterion]}"
    scores = (("loss", best.validation_loss), ("OA", best.oa), ("kappa", best.kappa), ("mean F", best.fscore))
    monitored = ", ".join(f"{name} {value:.4f}" for name, value in scores if value is not None)
    yield "metrics", f"training loss {best.train_loss:.4f}; monitored: {monitored or 'nothing'}"
    yield "calibration", _calibration(card)
    if card.data is not None:
        made = f", made with {card.data.made_with[:12]}" if card.data.made_with else ""
        yield "data", f"{card.data.rows:,} rows of the samples table{made}"
    if card.held is not None:
        yield "samples", card.held
    yield "made by", ", ".join(f"{name} {version}" for name, version in card.versions.items())
    yield "took", f"{card.seconds:.1f} s on {card.device}"
    yield "folder", str(folder)
    yield "weights", f"SHA-256 {card.weights_sha256}: {_state(folder / WEIGHTS, card.weights_sha256)}"


def _calibration(card: ModelCard) -> str:
    found = card.calibration
    if found is None:
        return "none (training.calibrate)"
    if found.error_before is None or found.error_after is None:
        return "none: no sample was monitored"
    before, after = (f"{100 * error:.1f}" for error in (found.error_before, found.error_after))
    samples = counted(found.samples, "monitored sample")
    if found.temperature == 1:
        return f"temperature 1, for no other makes {samples} likelier; expected calibration error {before} points"
    return (
        f"temperature {found.temperature:.3f} by {samples}; their expected calibration error was {before}, then {after} points"
    )


def _state(weights: Path, sha256: str) -> str:
    if not weights.is_file():
        return "the file is missing"
    with weights.open("rb") as file:
        same = hashlib.file_digest(file, "sha256").hexdigest() == sha256
    return "that of the file" if same else "NOT that of the file, which can't be used"


def _classes(card: ModelCard) -> Table:
    """The classes, and the samples that were used of each."""
    table = Table(box=None, header_style="bold", show_footer=True, footer_style="bold")
    table.add_column("")
    table.add_column("class", footer=counted(len(card.classes), "class"))
    table.add_column("code", justify="right")
    table.add_column("colour")
    for heading, name in (("fitted", "train"), ("monitored", "monitored")):
        table.add_column(heading, justify="right", footer=f"{sum(getattr(of, name) for of in card.classes):,}")
    for of in card.classes:
        colour = "#{:02x}{:02x}{:02x}".format(*of.colour)
        table.add_row(Text("██", style=colour), Text(of.name), str(of.code), colour, f"{of.train:,}", f"{of.monitored:,}")
    return table
