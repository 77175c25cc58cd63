"""The policy that speed is measured with: every layer there is that needs no model, by name."""

from __future__ import annotations

from typing import Any

from costopt.engine.policy import Policy
from costopt.layers.discover import layer_class, layer_names

SETTINGS: dict[str, dict[str, Any]] = {
    "exact_cache": {"ttl": 3600.0},
    "route": {
        "tiers": (("simple", "gpt-4.1-mini"),),
        "rules": (),
        "match": (("agent", ("planner",)),),
    },
    "trim_tools": {"max_tokens": 400},
    "window": {"turns": 8},
    "tool_dedup": {},
    "prompt_layout": {},
    "output": {},
    "batch": {"match": (("agent", ("nightly-*",)),)},
    "session_budget": {"usd": 2.0},
}
"""Layers that ask a model or an embedder (semantic_cache, memory, compress) are measured by themselves."""


IN_PARTS = ("trim_tools", "window", "tool_dedup", "prompt_layout", "batch", "session_budget")
"""Those that with these settings need no more of a trace than its own namespaces and sessions."""


def standard_policy(leave_out: tuple[str, ...] = ()) -> Policy:
    """Those that are installed, in their usual order."""
    names = [n for n in layer_names() if n in SETTINGS and n not in leave_out]
    return Policy(tuple(layer_class(n)(**SETTINGS[n]) for n in names), "benchmark")
