"""Which layers may stand in a proposed policy, with which settings, and why others never do.

Safe means: the same words are sent or the same answer comes back by construction (prompt_layout, batch),
or the log itself shows how often an answer would differ (exact_cache, tool_dedup, trim_tools, window).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from costopt.billing.context import AuditContext
from costopt.layers.base import Layer
from costopt.layers.discover import layer_class, layer_names
from costopt.model.finding import Finding
from costopt.wiring.policy.settings import layer_of, setting_names

SETTINGS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "exact_cache": ({"ttl": "1h", "only_temperature_zero": True}, {"ttl": "1h"}),
    "trim_tools": ({"max_tokens": 4000}, {"max_tokens": 2000}, {"max_tokens": 1000}),
    "window": ({"turns": 20, "slide_every": 10}, {"turns": 8, "slide_every": 4}),
    "tool_dedup": ({},),
    "prompt_layout": ({},),
}
"""Layer to the settings that are tried, the most careful first. A thousand tokens are about 4 KB: an
error message with its surroundings fits. A window slides in chunks, so that the prefix stays."""
NEVER: Mapping[str, str] = {
    "semantic_cache": "its hits have to be judged first: add it with `threshold: auto` and simulate",
    "route": "needs evidence that the answers of the smaller model are as good",
    "memory": "what retrieval misses is known only with an embedder: add it and simulate",
    "compress": "needs a compressor that is really run, and a replay of its answers",
    "output": "saves nothing by itself: providers bill what is written",
    "session_budget": "a hard stop is a decision on unfinished work, not a saving",
    "self_host": "another model answers, which a replay has to prove; costopt selfhost compares GPUs",
}
WHOLE_AGENT = 0.99
"""Share of an agent's calls that must look like background work before all of it is batched."""


@dataclass(frozen=True)
class Candidate:
    """One layer that could be proposed: its settings to choose from, and the findings behind it."""

    name: str
    layers: tuple[Layer, ...]
    values: tuple[Mapping[str, Any], ...]
    """Of each layer, the settings that were chosen for it."""
    findings: tuple[tuple[str, Finding], ...]


def candidates(context: AuditContext, findings: Sequence[tuple[str, Finding]]) -> list[Candidate]:
    """Those that are installed, in the order in which they would act."""
    found = []
    for name in layer_names():
        mine = tuple((id, f) for id, f in findings if f.layer == name)
        tried = batches(context, mine) if name == "batch" else SETTINGS.get(name, ())
        made = [(layer, v) for v in tried if (layer := _made(name, v)) is not None]
        if made:
            layers, values = zip(*made, strict=True)
            found.append(Candidate(name, layers, values, mine))
    return found


def batches(
    context: AuditContext, findings: Sequence[tuple[str, Finding]]
) -> list[Mapping[str, Any]]:
    """One setting: the agents whose work is background work as a whole; none: no candidate."""
    agent = context.trace.dims["agent"]
    calls = np.bincount(agent.codes, minlength=len(agent.values))
    rows = [f.calls for _, f in findings]
    if not rows:
        return []
    of_them = np.bincount(agent.codes[np.unique(np.concatenate(rows))], minlength=len(agent.values))
    whole = (of_them > 0) & (of_them >= WHOLE_AGENT * calls)
    names = [_literal(agent.values[code]) for code in np.flatnonzero(whole).tolist() if code]
    return (
        [{"match": {"agent": names}, "deadline": "24h", "only_if_cheaper": True}] if names else []
    )


def _literal(name: str) -> str:
    """A pattern that matches this name alone; `?` for what no text file can hold."""
    broken = {c for c in name if "\ud800" <= c <= "\udfff"}
    return "".join("?" if c in broken else f"[{c}]" if c in "*?[" else c for c in name)


def _made(name: str, values: Mapping[str, Any]) -> Layer | None:
    """The layer, or None where this version of it has other settings."""
    if not set(values) <= set(setting_names(layer_class(name))):
        return None
    made = layer_of(name, values)
    return None if isinstance(made, list) else made
