"""How far long work is, on a terminal: one line on stderr that goes away at the end. Nothing where nobody looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def shown(*, quiet: bool = False) -> Iterator[None]:
    """What is done inside shows its progress."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from tollbook.flow.progress import Step, in_words, watched

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield
        return
    columns = (BarColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(in_words("", ""), total=None)

        def tell(step: Step) -> None:
            progress.update(task, description=in_words(step.stage, step.detail), completed=step.done, total=step.total or None)

        with watched(tell):
            yield
