"""What is wrong with a policy: each complaint with its line, and all of them in one error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from costopt.errors import UsageError
from costopt.model.escape import clean


@dataclass(frozen=True, slots=True)
class Problem:
    """One complaint. `line` counts from 1."""

    line: int
    message: str
    hint: str = ""


class PolicyError(UsageError):
    """The first problem as the message; `problems` has them all."""

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        found = sorted(problems, key=lambda p: p.line)
        first, more = found[0], len(found) - 1
        hint = first.hint
        if more:
            others = "1 more problem" if more == 1 else f"{more} more problems"
            hint = "\n  ".join(filter(None, (hint, f"{others}: costopt policy check {name}")))
        super().__init__(first.message, where=f"{clean(name)}:{first.line}", hint=hint)
        self.name = name
        self.problems = tuple(found)


def problem_lines(error: PolicyError) -> list[str]:
    """Every problem as it stands in an error, one after the other."""
    return [
        str(UsageError(p.message, where=f"{clean(error.name)}:{p.line}", hint=p.hint))
        for p in error.problems
    ]
