"""Rows of a validation: a figure, what was expected, what came out, and whether it is right."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Table:
    """Collects and prints rows as they come; `failures` counts those that are off."""

    failures: int = 0
    rows: list[tuple[str, str, str, str]] = field(default_factory=list)

    def title(self, text: str) -> None:
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

    def shown(self, what: str, got: object, beside: object = "") -> None:
        """Printed, not judged."""
        print(f"       {what:<52} {beside!s:>26} {got!s:>26}", flush=True)

    def _row(self, what: str, expected: str, got: str, good: bool) -> None:
        word = "ok   " if good else "WRONG"
        self.failures += not good
        self.rows.append((what, expected, got, word.strip()))
        print(f"{word}  {what:<52} {expected:>26} {got:>26}", flush=True)
