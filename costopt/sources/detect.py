"""Which format is it? Formats are the modules of this folder that export `SOURCE`; nothing is registered.

A third party adds one through the entry point group `costopt.sources`.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType

import costopt.sources
from costopt.errors import InputError, UsageError, nearest
from costopt.sources.base import Confidence, Head, Source, SourceFile
from costopt.sources.files import head_of

GROUP = "costopt.sources"


@cache
def formats() -> MappingProxyType[str, Source]:
    """Every format by name, in the order of names; those of this folder win over others."""
    found: dict[str, Source] = {}
    for entry in entry_points(group=GROUP):
        found[entry.name] = entry.load()
    for module in pkgutil.iter_modules(costopt.sources.__path__):
        if not module.ispkg and not module.name.startswith("_"):
            loaded = importlib.import_module(f"costopt.sources.{module.name}")
            source: Source | None = getattr(loaded, "SOURCE", None)
            if source is not None:
                found[source.name] = source
    return MappingProxyType(dict(sorted(found.items())))


def named(name: str) -> Source:
    """The format of `--input-format NAME`. Raises UsageError with the nearest name."""
    known = formats()
    wanted = name.replace("_", "-")
    if wanted not in known:
        all_names = ", ".join(known)
        raise UsageError(
            f"There is no input format `{name}`.",
            hint=f"{nearest(wanted, known)}  All formats: {all_names}".strip(),
        )
    return known[wanted]


def detect(head: Head) -> tuple[Source, str]:
    """The format that is surest of a file's head, and why. Raises InputError when none is."""
    said = {name: source.sniff(head) for name, source in formats().items()}
    best = max((confidence for confidence, _ in said.values()), default=Confidence.NO)
    if best == Confidence.NO:
        raise InputError(_nobody(said), where=head.name, hint=_HINT)
    winners = [name for name, (confidence, _) in said.items() if confidence == best]
    reason = said[winners[0]][1]
    if len(winners) > 1:
        reason += f" (equally sure: {', '.join(winners[1:])}; the first by name is taken)"
    return formats()[winners[0]], reason


def source_of(file: SourceFile, input_format: str = "") -> tuple[Source, str]:
    """The format of a file: as the user says, else as its first bytes say."""
    if input_format:
        return named(input_format), "named by --input-format"
    return detect(head_of(file))


_HINT = (
    "If you know the format: --input-format NAME.  About one: costopt explain NAME.  "
    "An invoice or usage export: costopt reconcile FILE"
)


def _nobody(said: dict[str, tuple[Confidence, str]]) -> str:
    lines = [f"  {name}: {reason}" for name, (_, reason) in said.items()]
    return "No format fits this file. Tried:\n" + "\n".join(lines)
