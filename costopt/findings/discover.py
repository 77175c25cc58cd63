"""Runs every finding of this folder and gives each its id, dearest first."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

from costopt.billing.context import AuditContext
from costopt.model.finding import Finding

MOST_PLACES = 10
"""Places of one kind of waste: a log with a thousand agents must not fill a thousand rows."""
LEAST_SHARE = 1e-4
"""Of the bill. Below a hundredth of a percent nobody changes anything; findings without dollars
(their money is not known) are kept."""

Find = Callable[[AuditContext], list[Finding]]


def finders() -> dict[str, Find]:
    """Name to `find` of every module of this folder that has one, sorted by name."""
    import costopt.findings as package

    found = {}
    for name in sorted(m.name for m in pkgutil.iter_modules(package.__path__)):
        module = importlib.import_module(f"{package.__name__}.{name}")
        if hasattr(module, "find"):
            found[name] = module.find
    return found


def find_all(context: AuditContext) -> list[tuple[str, Finding]]:
    """All findings as `F1`, `F2`, ...: dearest first, then what the cache saved already."""
    kept: list[Finding] = []
    for find in finders().values():
        worth = [f for f in find(context) if _is_worth_a_row(f, context)]
        kept += sorted(worth, key=_rank)[:MOST_PLACES]
    return [(f"F{i}", f) for i, f in enumerate(sorted(kept, key=_rank), start=1)]


def _rank(finding: Finding) -> tuple[int, int, str, str]:
    return -finding.usd, -finding.already_saved, finding.name, finding.title


def _is_worth_a_row(finding: Finding, context: AuditContext) -> bool:
    money = int(finding.usd) + int(finding.already_saved)
    return money == 0 or money >= LEAST_SHARE * int(context.total_pusd)
