"""All ten checks in order; the file name is the check's name, and nothing needs to be registered."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

from costopt.billing.context import AuditContext
from costopt.checklist.evidence import Evidence
from costopt.model.finding import CheckResult

Run = Callable[[AuditContext, Evidence], CheckResult]
SHARED = ("discover", "evidence", "measure")
"""Files of this folder that are no check."""


def checks() -> dict[int, Run]:
    """The `run` functions by item number."""
    import costopt.checklist as package

    names = [m.name for m in pkgutil.iter_modules(package.__path__) if m.name not in SHARED]
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    return {m.ITEM: m.run for m in sorted(modules, key=lambda m: m.ITEM)}


def run_all(context: AuditContext, evidence: Evidence) -> list[CheckResult]:
    """The checklist, item 1 first."""
    return [run(context, evidence) for run in checks().values()]
