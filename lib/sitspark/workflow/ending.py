"""The last words of a verb: the accuracy table, where the results lie, what to do next."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from sitspark.accuracy.cross_validation import spread
from sitspark.accuracy.fold_scores import AREAS, FoldScores, pooled, run_means, runs_of
from sitspark.accuracy.text import accuracy_table
from sitspark.errors import counted
from sitspark.scenes.calendar import calendar_rows, month_ruler
from sitspark.scenes.catalogue import counts_left_out, first_left_out
from sitspark.scenes.choice import remarks
from sitspark.settings.fold_options import as_options
from sitspark.workflow.assess import assessment_of, folds_of, score, spread_in_words
from sitspark.workflow.context import Context
from sitspark.workflow.imagery import calendar_of
from sitspark.workflow.left_out_table import LISTED, left_out_table
from sitspark.workflow.members import models_of
from sitspark.workflow.next_step import command, say_next
from sitspark.workflow.run import done


def say_results(context: Context, targets: Sequence[str], settings_file: Path, *, overrides: Sequence[str] = ()) -> None:
    """Print what the verb that runs up to the `targets` was run for."""
    say, target = context.voice.console.print, targets[-1]
    facts = {name: record.facts for name, record in done(context).items()}
    assessment, folds = assessment_of(facts), folds_of(facts)
    if target == "calendar":
        _say_archive(context)
    if target == "ground_truth":
        say(_class_table(context, facts["ground_truth"]["classes"], "polygons"))
    if target == "samples":
        chosen = facts["observations"].get("selection")
        say(_selection_table(chosen) if chosen else _class_table(context, facts["samples"]["classes"], "samples"))
    # of a map that cross-validation doesn't change there is nothing to repeat
    if target in ("validate", "report") and assessment is not None and "cross_validate" not in targets:
        say(accuracy_table(assessment.matrix, context.nomenclature))
        if assessment.caution:
            context.voice.note(assessment.caution)
    if target == "report" and folds:
        say(_fold_table(folds))
        if (expected := _expected_elsewhere(folds)) is not None:
            context.voice.remark(expected)
    if target != "calendar":  # which lists them all
        for sentence in facts.get("scenes", {}).get("faulty", ()):
            context.voice.note(f"left out: {sentence}")
    for label, path in _results(context, facts, target):
        say(f"{label:<9} {path}", soft_wrap=True)
    if target == "report":
        divided = facts.get("ground_truth") or facts.get("observations") or {}
        possible = len(divided.get("folds", ()))
        run = str(context.folder.path)
        what = next_command(facts, folds=possible, settings_file=str(settings_file), overrides=overrides, run=run)
        say_next(context.voice.console, *what)


def next_command(
    facts: Mapping[str, Mapping[str, Any]], *, folds: int, settings_file: str, overrides: Sequence[str], run: str
) -> list[str]:
    """The verb that goes on from here, with its arguments; `run` is the folder of the run."""
    if "validate" not in facts and ("scenes" in facts or "train" not in facts):
        return ["run", settings_file, *(part for override in overrides for part in ("--set", override))]
    if folds > 1 and "cross_validate" not in facts:
        return ["cross-validate", settings_file, *as_options(overrides)]
    query = "select label, split, count(*) as pixels from samples group by label, split order by label, split"
    return ["sql", query, "--run", run]


_MUCH = 0.02  # a difference of scores that is worth a sentence
_MODELS = 3  # whose folders are told one by one


def _results(context: Context, facts: dict[str, dict], target: str) -> list[tuple[str, Path]]:  # type: ignore[type-arg]
    folder = context.folder
    found = []
    if target in ("train", "trust"):
        models = models_of(facts["train"])
        found += [("model", folder.model(one.model_id)) for one in models[:_MODELS]]
        if len(models) > _MODELS:
            found.append(("models", folder.path / "models"))
    if target == "trust":
        pictures = {"confidence": "reliability.png", "importance": "importance.png"}
        found += [("figure", folder.accuracy / name) for fact, name in pictures.items() if fact in facts["trust"]]
    if target in ("vectorise", "validate", "report") and "regularise" in facts:
        found.append(("map", folder.path / facts["mosaic"]["map"] / facts["regularise"]["map"]))
    if target in ("calendar", "report") and "scenes" in facts:
        found.append(("calendar", folder.calendar))
    if target == "report":
        found.append(("report", folder.report))
    return found


_CALENDAR = "select tile, date(acquired) day, clear_share from acquisitions order by 1, 2"
_LEFT_OUT = "select left_out, problem from scenes where left_out is not null"


def _say_archive(context: Context) -> None:
    """The calendar of each tile and year, and the products left out with the reasons."""
    say = context.voice.console.print
    calendar = calendar_of(context)
    rows = calendar_rows(calendar.acquisitions)
    width = max((len(row.tile) for row in rows), default=0) + 2
    say(f"\n{'':<{width + 6}}{month_ruler()}  products  clear", highlight=False, soft_wrap=True)
    for row in rows:
        clear = "-" if row.clear_share is None else f"{row.clear_share:.0%}"
        say(f"{row.tile:<{width}} {row.year} {row.weeks}  {row.acquisitions:>8}  {clear:>5}", highlight=False, soft_wrap=True)
    if calendar.tiles_beyond:
        more = counted(calendar.tiles_beyond, "more tile")
        say(f"and {more}: {_asking(context, _CALENDAR)}", soft_wrap=True, markup=False)
    say("[dim]a sign is a week: the higher, the clearer its clearest product; a dot: none[/]\n", soft_wrap=True)
    for sensor in context.sensors:
        for remark in remarks(context.archives[sensor.name], sensor.settings):
            context.voice.note(remark)
    scenes = context.table("scenes")
    missing = sum(counts_left_out(scenes).values())
    if not missing:
        return
    say(left_out_table(first_left_out(scenes, LISTED), missing))
    if missing > LISTED:
        say(f"and {missing - LISTED} more: {_asking(context, _LEFT_OUT)}", soft_wrap=True, markup=False)


def _asking(context: Context, query: str) -> str:
    """The command that asks the run's tables."""
    return command("sql", query, "--run", str(context.folder.path))


def _selection_table(selection: Sequence[Mapping[str, Any]]) -> Table:
    """Pixels of each class that were asked for, are there and were taken, for training and set aside."""
    table = Table(box=None, header_style="bold")
    table.add_column("\nclass", overflow="fold")  # names give way, numbers never
    table.add_column("\ncode", justify="right", no_wrap=True)
    for part in ("train\nasked", "\nthere", "\ntaken", "aside\nasked", "\nthere", "\ntaken"):
        table.add_column(part, justify="right", no_wrap=True)
    for train, aside in zip(selection[::2], selection[1::2], strict=True):
        cells = [
            "all" if row[name] is None else f"{row[name]:,}"
            for row in (train, aside)
            for name in ("asked", "available", "chosen")
        ]
        table.add_row(train["name"], str(train["label"]), *cells)
    return table


def _class_table(context: Context, counts: dict[str, dict[str, int]], unit: str) -> Table:
    table = Table(box=None, header_style="bold")
    table.add_column("class")
    headings = {"train": f"train ({unit})", "monitored": "of these monitored", "validation": "set aside"}
    for column, heading in (("test", "test"), ("buffer", "too close, not used")):
        if any(count.get(column) for count in counts.values()):
            headings[column] = heading
    for heading in headings.values():
        table.add_column(heading, justify="right")
    for code, count in counts.items():
        name = context.nomenclature.name_of(int(code))
        table.add_row(name, *(f"{count[column]:,}" for column in headings))
    return table


def _expected_elsewhere(folds: tuple[FoldScores, ...]) -> str | None:
    """What the folds say of ground that no sample is of, where it is much less than of the area of the samples."""
    same, elsewhere = (spread([getattr(fold, area).mean_f_score for fold in folds]) for area in AREAS)
    if same is None or elsewhere is None or same.mean - elsewhere.mean < _MUCH:
        return None
    return (
        f"on ground like that left out, of which there is no sample, expect a mean F of about {elsewhere.mean:.2f}, not the "
        f"{same.mean:.2f} of polygons set aside near those that were learnt from"
    )


def _fold_table(folds: tuple[FoldScores, ...]) -> Table:
    """Scores of each fold in the same area and on what was left out, with mean and deviation."""
    table = Table(box=None, header_style="bold", title="cross-validation", title_justify="left")
    table.add_column("left out")
    several = len(runs_of(folds)) > 1
    for heading in ("same area OA", "mean F", "left out OA", "mean F"):
        table.add_column(heading, justify="right")
    columns = [
        (f.same_area.overall_accuracy, f.same_area.mean_f_score, f.left_out.overall_accuracy, f.left_out.mean_f_score)
        for f in folds
    ]
    for fold, scores in zip(folds, columns, strict=True):
        table.add_row(f"{fold.left_out_fold}, run {fold.run}" if several else fold.left_out_fold, *(score(v) for v in scores))
    table.add_row("mean ± deviation", *(spread_in_words(spread(values)) for values in zip(*columns, strict=True)))
    if several:
        kinds = [(area, name) for area in AREAS for name in ("overall_accuracy", "mean_f_score")]
        means = (spread(run_means(folds, *kind)) for kind in kinds)
        table.add_row("means of the runs ± 95 %", *(spread_in_words(mean, "half_width") for mean in means))
    together = pooled(folds)
    table.add_row("pooled", "", "", score(together.overall_accuracy), score(together.mean_f_score))
    return table
