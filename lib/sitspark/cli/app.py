"""The command, and what its verbs share: options, sentences instead of traces, and running up to a stage."""

import contextlib
import logging
import traceback
from collections.abc import Iterator, Sequence
from json import dumps as dump_json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from sitspark import interrupts
from sitspark.settings import Settings
from sitspark.settings_file import read_settings

# headings of --help, in its order
BEFORE, RUN, JUDGE, LOOK = "Before a run", "A run, or a part of it", "How good is it?", "What is there?"

app = typer.Typer(
    help="Land-cover maps from satellite image time series, on Spark.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
console = Console(highlight=False)

SettingsFile = Annotated[Path, typer.Argument(metavar="SETTINGS", help="Settings file (YAML), or an iota2 .cfg.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a setting; may be repeated. Paths are relative to the settings file."
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the stack trace of an error.")]

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]

RunFolderOption = Annotated[
    Path | None, typer.Option("--run", metavar="FOLDER", help="Folder of the run; default: the latest one below ./runs.")
]


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the command; gives the exit code: 0 done, 1 a problem, 2 wrong arguments, 130 stopped."""
    try:
        app(list(arguments) if arguments is not None else None, prog_name="sitspark", standalone_mode=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


@contextlib.contextmanager
def sentences(*, debug: bool = False) -> Iterator[None]:
    """Turn any failure into one sentence on standard error and an exit code."""
    from sitspark.workflow.failures import sentence_of

    complain = Console(stderr=True, highlight=False, soft_wrap=True)
    if not debug:
        # py4j logs the trace of every interrupted call, and a log without a handler goes to the terminal
        logging.getLogger().addHandler(logging.NullHandler())
    try:
        with interrupts.insisted():
            yield
    except KeyboardInterrupt:
        complain.print("[yellow]stopped[/]: the same command goes on where it was")
        raise SystemExit(130) from None
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        if debug:
            traceback.print_exc()
        sentence = (
            sentence_of(error) or f"unforeseen {type(error).__name__}: {str(error) or 'without a word'}; --debug shows where"
        )
        complain.print(f"[red]error[/]: {escape(sentence)}")
        raise SystemExit(1) from None


def settings_of(path: Path, overrides: Sequence[str] | None) -> Settings:
    """The settings of a file; says what a file of iota2 asks for that isn't there."""
    return _read(path, overrides)[0]


def _read(path: Path, overrides: Sequence[str] | None) -> tuple[Settings, dict[str, str]]:
    """The settings of a file, and the keys of a file of iota2 that ask for what isn't there, with the reasons; says them."""
    if path.suffix != ".cfg":
        return read_settings(path, overrides=overrides or []), {}
    from sitspark.iota2 import read_cfg

    settings, converted = read_cfg(path, overrides=overrides or [])
    left_out = [item for item in converted.left_out if item.changes_the_job]
    by_reason: dict[str, list[str]] = {}
    for item in left_out:
        by_reason.setdefault(item.reason, []).append(f"{item.key} (line {converted.lines[item.key]})")
    for reason, keys in by_reason.items():
        console.print(f"[yellow]![/] not carried over: {escape(', '.join(keys))}: {escape(reason)}", soft_wrap=True)
    return settings, {item.key: item.reason for item in left_out}


def run_up_to(settings_file: Path, overrides: Sequence[str] | None, *targets: str, debug: bool) -> None:
    """Run up to some stages, without any through all of them, and say what came of it."""
    with sentences(debug=debug):
        settings, not_carried_over = _read(settings_file, overrides)
        from sitspark.workflow.ending import say_results
        from sitspark.workflow.run import course_of, run

        wanted = targets or course_of(settings).everything
        context = run(settings, wanted, console=console, not_carried_over=not_carried_over)
        say_results(context, wanted, settings_file, overrides=overrides or [])


def json_text(document: dict[str, Any]) -> str:
    """A document as verbs print it with --json."""
    return dump_json(document, indent=2, ensure_ascii=False)
