"""A stage, its key, and running stages in order while skipping those whose key is unchanged."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sitspark.workflow.context import Context
from sitspark.workflow.keys import contents, digest
from sitspark.workflow.memory import watched_memory
from sitspark.workflow.run_folder import StageRecord, now

NOTHING = ""  # what a stage says that isn't asked for: nobody hears of it


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a stage's work gives: one line for the user, facts for later stages, the paths that it published.

    `sums` are the SHA-256 of those files for which it knows them: of what was written, rather than of what can be read back.
    """

    summary: str
    facts: dict[str, Any] = field(default_factory=dict)
    outputs: tuple[Path, ...] = ()
    sums: Mapping[Path, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a run.

    `inputs` gives all that the result depends on beyond the stages before it: parts of the settings, fingerprints of
    files. `version` rises with every change of the algorithm that changes results. `work` gets the key as well, for
    stages that keep unfinished work under it. `through` are stages whose results the work uses and can't be changed by:
    they are brought up too, but are no part of the key.
    """

    name: str
    after: tuple[str, ...]
    version: int
    inputs: Callable[[Context], Any]
    work: Callable[[Context, str], Outcome]
    through: tuple[str, ...] = ()


def keys(stages: Sequence[Stage], context: Context) -> dict[str, str]:
    """The key of every stage: a hash of its version, its inputs and the keys before it."""
    found: dict[str, str] = {}
    for stage in stages:
        found[stage.name] = digest(stage.name, stage.version, stage.inputs(context), [found[name] for name in stage.after])
    return found


def finished(stages: Sequence[Stage], context: Context) -> dict[str, StageRecord]:
    """The stages that are done under their present keys, with all that they published in place."""
    wanted, records = keys(stages, context), context.folder.records()
    return {name: record for name, record in records.items() if _is_done(record, wanted.get(name), context)}


def _is_done(record: StageRecord | None, key: str | None, context: Context) -> bool:
    return record is not None and record.key == key and context.in_place(record)


def needed(stages: Sequence[Stage], targets: Sequence[str]) -> list[Stage]:
    """The stages that lead to the targets, each once, in order."""
    by_name: Mapping[str, Stage] = {stage.name: stage for stage in stages}
    wanted: set[str] = set()

    def want(name: str) -> None:
        if name not in wanted:
            wanted.add(name)
            for before in (*by_name[name].after, *by_name[name].through):
                want(before)

    for target in targets:
        want(target)
    return [stage for stage in stages if stage.name in wanted]


def advance(context: Context, stages: Sequence[Stage], targets: Sequence[str]) -> None:
    """Bring a run up to the target stages; what is done under its present key is skipped, and said."""
    for stage in needed(stages, targets):
        # keys may hang on what has just been done: the report sums up all of it
        key = keys(needed(stages, [stage.name]), context)[stage.name]
        record = context.folder.records().get(stage.name)
        if record is not None and _is_done(record, key, context):
            context.voice.stage(stage.name, record.summary, None)
        else:
            _perform(context, stage, key)


def _perform(context: Context, stage: Stage, key: str) -> None:
    started = time.monotonic()
    context.folder.forget(stage.name)
    with watched_memory() as peak:
        outcome = stage.work(context, key)
    root = context.folder.path
    # before the record, which says that they are there
    sums = context.folder.write_sums(stage.name, outcome.outputs, known=outcome.sums)
    seconds = time.monotonic() - started
    outputs = {str(path.relative_to(root)): contents(path) or "" for path in outcome.outputs}
    record = StageRecord(key, outcome.summary, round(seconds, 2), now(), outcome.facts, outputs, sums, peak.megabytes)
    context.folder.finish(stage.name, record)
    context.voice.stage(stage.name, outcome.summary, seconds)
