"""Rows of a validation: a figure, what was expected, what came out, and whether it is right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """One figure. `verdict`: ok, WRONG, or empty where it is only shown."""

    what: str
    expected: str
    got: str
    verdict: str


@dataclass
class Table:
    """Collects and prints rows as they come; `failures` counts those that are off."""

    failures: int = 0
    groups: dict[str, list[Row]] = field(default_factory=dict)
    title_now: str = ""

    @property
    def judged(self) -> int:
        """Figures that must come out."""
        return sum(row.verdict != "" for rows in self.groups.values() for row in rows)

    def title(self, text: str) -> None:
        self.title_now = text
        self.groups.setdefault(text, [])
        print(f"\n{text}", flush=True)

    def equal(self, what: str, expected: object, got: object) -> None:
        """Must be the same."""
        self._row(what, str(expected), str(got), expected == got)

    def near(self, what: str, expected: float, got: float | None, within: float) -> None:
        """Must be within an absolute distance."""
        good = got is not None and abs(got - expected) <= within
        self._row(
            what, f"{expected:.10g} +-{within:g}", "none" if got is None else f"{got:.10g}", good
        )

    def at_most(self, what: str, limit: float, got: float | None) -> None:
        """Must not be larger."""
        good = got is not None and got <= limit
        self._row(what, f"<= {limit:g}", "none" if got is None else f"{got:.4g}", good)

    def in_time(self, what: str, limit_s: float, seconds: float) -> None:
        """Must not take longer; the time itself is printed and kept out of the document."""
        good = seconds <= limit_s
        self._row(what, f"<= {limit_s:g} s", "within" if good else f"{seconds:.1f} s", good)
        print(f"       {seconds:.2f} s", flush=True)

    def shown(self, what: str, got: object, beside: object = "") -> None:
        """Printed, not judged."""
        self.groups.setdefault(self.title_now, []).append(Row(what, str(beside), str(got), ""))
        print(f"       {what:<52} {beside!s:>26} {got!s:>26}", flush=True)

    def note(self, text: str) -> None:
        """A line that is printed and belongs to no document (a time)."""
        print(f"       {text}", flush=True)

    def _row(self, what: str, expected: str, got: str, good: bool) -> None:
        word = "ok" if good else "WRONG"
        self.failures += not good
        self.groups.setdefault(self.title_now, []).append(Row(what, expected, got, word))
        print(f"{word:<5}  {what:<52} {expected:>26} {got:>26}", flush=True)

    def markdown(self) -> Iterable[str]:
        """The groups as tables, in the order in which they came."""
        for title, rows in self.groups.items():
            yield f"\n### {title}\n\n| figure | expected | got | |\n|---|---:|---:|---|"
            for row in rows:
                cells = (row.what, row.expected, row.got, row.verdict)
                yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
