"""What a run tells its user: a line a stage, and a bar with the estimated end while one is at work."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_POLL = 0.3  # seconds between two looks: slow enough to cost nothing, fast enough to seem alive


@dataclass(frozen=True, slots=True)
class Voice:
    """Writes to the terminal; bars only where there is one."""

    console: Console

    def stage(self, name: str, summary: str, seconds: float | None) -> None:
        """One line for a stage that has something to say; no seconds: nothing had changed."""
        if not summary:
            return
        state = "[dim]unchanged[/]" if seconds is None else f"{seconds:.1f} s"
        mark = "[dim]=[/]" if seconds is None else "[green]✓[/]"
        self.console.print(f"{mark} [bold]{name:<15}[/] {escape(summary)} · {state}", highlight=False, soft_wrap=True)

    def note(self, sentence: str) -> None:
        """Something that the user should know, and may want to change."""
        self.console.print(f"[yellow]![/] {escape(sentence)}", highlight=False, soft_wrap=True)

    def remark(self, sentence: str) -> None:
        """Something that is as it should be, and good to know."""
        self.console.print(f"[dim]·[/] {escape(sentence)}", highlight=False, soft_wrap=True)

    @contextlib.contextmanager
    def bar(self, name: str, total: int, unit: str) -> Iterator[Callable[[int, str], None]]:
        """A progress bar; the block calls it with the number done and a remark."""
        columns = (
            TextColumn("  {task.description:<15}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(unit),
            TimeElapsedColumn(),
            TextColumn("· left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[remark]}"),
        )
        with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as progress:
            task = progress.add_task(name, total=total, remark="")
            yield lambda done, remark: progress.update(task, completed=done, remark=remark)

    @contextlib.contextmanager
    def watch(self, name: str, total: int, unit: str, count: Callable[[], int]) -> Iterator[None]:
        """A progress bar that asks `count` for the number done while the block works."""
        finished = threading.Event()
        with self.bar(name, total, unit) as update:

            def look() -> None:
                while not finished.wait(_POLL):
                    update(count(), "")

            watcher = threading.Thread(target=look, daemon=True)
            watcher.start()
            try:
                yield
            finally:
                finished.set()
                watcher.join()
