"""A sweep on a terminal, while it runs: how far it is, and the front so far."""

import contextlib
import dataclasses
import os
import sys
import time
from collections.abc import Callable, Iterator

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ..search.options import Tools
from ..search.progress import Progress, duration

__all__ = ["SweepView", "watched"]

FRONT_SHOWN = 8
BAR_COLUMNS = 24


@contextlib.contextmanager
def watched(tools: Tools, title: str) -> Iterator[Tools]:
    """``tools`` whose news are shown on the terminal at stderr; as they are where it is none, or can only write on."""
    if not sys.stderr.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        yield tools
        return
    with SweepView(title, Console(stderr=True)) as view:
        yield dataclasses.replace(tools, log=view.log, watch=view.show)


class SweepView:
    """A context in which the last lines of ``console`` show the newest :class:`Progress`; ``log`` writes above them.
    They are gone when it ends."""

    def __init__(self, title: str, console: Console, clock: Callable[[], float] = time.monotonic):
        self.title, self.console, self._clock = title, console, clock
        self._began, self._told = clock(), clock()
        self._progress: Progress | None = None
        self._latest = ""
        self._live = Live(get_renderable=self._view, console=console, transient=True, refresh_per_second=4)

    def __enter__(self) -> "SweepView":
        self._live.start()
        return self

    def __exit__(self, *exc_info) -> None:
        self._live.stop()

    def show(self, progress: Progress) -> None:
        """From now on, ``progress``; what was done last stays until there is something newer."""
        self._progress, self._told = progress, self._clock()
        self._latest = progress.latest or self._latest
        self._live.refresh()

    def log(self, line: str) -> None:
        """A line that stays."""
        self.console.print(Text(line))

    def _view(self) -> RenderableType:
        progress, now = self._progress, self._clock()
        times = duration(now - self._began)
        if progress is None:
            return Text(f"{self.title}   {times}", style="bold")
        if progress.left_s is not None:
            times += f", about {duration(max(0.0, progress.left_s - (now - self._told)))} left"
        head = Text.assemble((self.title, "bold"), f"   round {progress.round} of 2, {progress.doing}   {times}")
        lines: list[RenderableType] = [head, _counts(progress)]
        if progress.front:
            lines.append(_front(progress))
        return Group(*lines, Text(self._latest, style="dim", no_wrap=True, overflow="ellipsis"))


def _counts(progress: Progress) -> Table:
    aside = [f"{count:,} {word}" for count, word in ((progress.impossible, "impossible"),
                                                     (progress.over_budget, "over budget")) if count]
    per_minute = progress.per_minute
    rate = [] if per_minute is None else [f"{per_minute:,.1f} a minute"]
    failed = [f"{progress.failed:,} failed"] if progress.failed else []
    table = Table.grid(padding=(0, 2))
    for words, done, of, more in (("pairs priced", progress.priced, progress.trials, aside),
                                  ("networks trained", progress.trained, progress.to_train, rate + failed),
                                  ("pairs measured", progress.measured, None, [])):
        bar = "" if of is None else ProgressBar(total=of, completed=min(done, of), width=BAR_COLUMNS)
        table.add_row(words, bar, f"{done:,}" if of is None else f"{done:,} of {of:,}", ", ".join(more))
    return table


def _front(progress: Progress) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left", title_style="",
                  title=f"front: {len(progress.front)} by validation, the cost model and estimates")
    table.add_column("candidate", no_wrap=True)
    for metric in progress.columns:
        table.add_column(metric.heading, justify="right", no_wrap=True)
    table.add_column("accelerator", no_wrap=True)
    table.add_column("network")
    for record in progress.front[:FRONT_SHOWN]:
        table.add_row(record["id"][:8], *(metric.number(metric.of(record)) for metric in progress.columns),
                      record["accelerator"]["name"], Text(record["summary"], no_wrap=True, overflow="ellipsis"))
    if len(progress.front) > FRONT_SHOWN:
        table.add_row(f"and {len(progress.front) - FRONT_SHOWN} more")
    return table
