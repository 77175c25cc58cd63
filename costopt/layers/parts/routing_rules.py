"""Rules of a router as people write them: `{simple: {agent: [triage-*], tools: false}}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from costopt.layers.parts.tiers import TIERS, tier_number

LIMITS = ("max_input_tokens", "min_input_tokens", "tools", "first_turn")
"""Beside parts of the policy's `fields:` (agent, task, tags, ...) with patterns."""
Value = bool | int | tuple[str, ...]
Rule = tuple[tuple[str, Value], ...]


def _rules(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    out = []
    for tier, rule in value.items():
        tier_number(str(tier))
        if not isinstance(rule, Mapping):
            raise ValueError(
                f"`{tier}` needs a mapping of parts and limits, as {{agent: triage-*}}"
            )
        out.append((tier, tuple((str(k), _value(str(k), v)) for k, v in rule.items())))
    return tuple(out)


def _value(part: str, value: Any) -> Value:
    if part in ("tools", "first_turn"):
        if not isinstance(value, bool):
            raise ValueError(f"`{part}` is true or false")
        return value
    if part in LIMITS:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ValueError(f"`{part}` is a number of tokens")
        return value
    return (value,) if isinstance(value, str) else tuple(str(v) for v in value)


_TOKENS, _FLAG = {"type": "integer", "minimum": 0}, {"type": "boolean"}
_TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_RULE = {
    "type": "object", "additionalProperties": _TEXTS,
    "properties": {k: _FLAG if k in ("tools", "first_turn") else _TOKENS for k in LIMITS},
}  # fmt: skip
_SCHEMA = {
    "type": "object", "properties": dict.fromkeys(TIERS, _RULE), "additionalProperties": False,
}  # fmt: skip
Rules = Annotated[tuple[tuple[str, Rule], ...], BeforeValidator(_rules), WithJsonSchema(_SCHEMA)]
"""Tier to what a call must fit, all of it; the cheapest tier whose rule fits is taken."""
