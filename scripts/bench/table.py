"""Measurements as rows: on the terminal as they come, in a Markdown page when all is done."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.timing import Timed

PACKAGES = ("duckdb", "pyarrow", "numpy", "orjson", "msgspec", "tiktoken", "genai-prices")
HEAD = ("", "wall s", "CPU s", "peak MB", "per second", "wall, against the first")


@dataclass
class Section:
    """One table. `name`: what `benchmark.py NAME` measures."""

    name: str
    title: str
    about: str
    rows: list[tuple[str, ...]] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    first: Timed | None = None

    def add(self, what: str, run: Timed, amount: float = 0.0, unit: str = "") -> None:
        """A row. The first one is what the others are held against; `amount` of `unit` was done."""
        self.first = self.first or run
        rate = f"{amount / run.wall_s:,.0f} {unit}" if amount and not run.failed else ""
        against = f"{run.wall_s / self.first.wall_s:.2f} x"
        row = (what, f"{run.wall_s:.2f}", f"{run.cpu_s:.2f}", f"{run.peak_mb:,.0f}", rate, against)
        self.rows.append(row if not run.failed else (what, run.failed, "", "", "", ""))
        print("  {:<44}{:>9}{:>9}{:>9}  {:<22}{}".format(*self.rows[-1]), flush=True)

    def say(self, sentence: str) -> None:
        self.verdicts.append(sentence)
        print(f"  {sentence}", flush=True)

    def goal(
        self, what: str, most: float, unit: str, wall: float, cpu: float | None = None
    ) -> None:
        """Met or missed by the clock; where other work slowed the clock, by CPU time beside it."""
        told = f"{what}: {wall:,.2f} {unit} of {most:,g} {unit}"
        if wall <= most:
            self.say(f"Goal met, {told}.")
        elif cpu is not None and cpu <= most and load() > cores():
            self.say(
                f"Goal missed by the clock on a busy machine, {told}; met in CPU time, {cpu:,.2f}."
            )
        else:
            self.say(f"Goal missed, {told}" + (f"; in CPU time {cpu:,.2f}." if cpu else "."))

    def markdown(self) -> str:
        """The section with a heading of its own, and the date and machine it was measured on."""
        lines = [f"## {self.title}", "", self.about, ""]
        if self.rows:
            lines += ["|".join(("", *HEAD, "")), "|---|--:|--:|--:|--:|--:|"]
            lines += ["|".join(("", *row, "")) for row in self.rows]
            lines.append("")
        lines += [f"* {verdict}" for verdict in self.verdicts]
        return "\n".join([*lines, "", f"Measured {datetime.now(UTC):%Y-%m-%d}: {machine()}.", ""])


def machine() -> str:
    """Processors, system, Python and the packages that do the work; and what else it had to do."""
    parts = [f"{cores()} cores ({_processor()})", f"{platform.system()} {platform.machine()}"]
    parts.append(f"Python {platform.python_version()}")
    parts += [f"{name} {version(name)}" for name in PACKAGES]
    busy = f"; a busy machine, load {load():.1f}" if load() > cores() else ""
    return ", ".join(parts) + busy


def cores() -> int:
    """Those that this process may use."""
    known = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1


def load() -> float:
    """Processes that ran or waited to run, over the last five minutes; our own are one or two."""
    return os.getloadavg()[1] if hasattr(os, "getloadavg") else 0.0


def _processor() -> str:
    """As the system calls it, without a host's name."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else None
    return found[1].strip() if found else platform.processor() or "unknown"


def write(page: Path, sections: list[Section]) -> None:
    """Put the sections into the page, each between its two marks; all else stays as it is."""
    text = page.read_text(encoding="utf-8")
    for section in sections:
        begin, end = f"<!-- begin {section.name} -->\n", f"<!-- end {section.name} -->"
        before, mark, rest = text.partition(begin)
        _, closed, behind = rest.partition(end)
        if not mark or not closed:
            raise SystemExit(
                f"{page.name} has no place for {section.name}: {begin.strip()} ... {end}"
            )
        text = before + begin + section.markdown() + end + behind
    page.write_text(text, encoding="utf-8")
