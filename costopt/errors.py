"""The error tree: what happened, where, and what to type next.

The class carries the exit code (a script can rely on it), the instance carries the place and the
hint. A bad *record* is never an exception: it is a `Rejected` in the data.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CostoptError(Exception):
    """Anything the user can cause. Printed as three lines, never as a traceback."""

    exit_code = 1

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.where}  " if self.where else ""
        tail = f"\n  {self.hint}" if self.hint else ""
        return f"{place}{self.message}{tail}"


class UsageError(CostoptError):
    """Wrong command, option, policy, price overlay; also: over budget."""

    exit_code = 2


class GateFailed(CostoptError):
    """The gate, or a reconciliation with a tolerance, said no."""

    exit_code = 3


class InputError(CostoptError):
    """The input cannot be used or compared."""

    exit_code = 4


class EndpointError(CostoptError):
    """An endpoint or API cannot be reached or refuses."""

    exit_code = 5


class MissingExtra(UsageError):
    """An optional part is not installed; the hint is the exact command."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} is not installed.", hint=f'pip install "costopt[{extra}]"')


def nearest(word: str, valid: Iterable[str]) -> str:
    """` Did you mean ...?` for a near miss, else an empty string."""
    close = difflib.get_close_matches(word, list(valid), n=1, cutoff=0.6)
    return f"Did you mean `{close[0]}`?" if close else ""
