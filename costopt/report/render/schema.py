"""The published JSON Schema of a result: types from the dataclasses, rows and texts put in by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from costopt.model.result import SCHEMA, Result

PUBLISHED = Path(__file__).parent.parent / "schema" / "result.schema.json"

_COUNTS = ("calls", "sessions", "input_tokens", "cached_input_tokens", "output_tokens")
_Row = dict[str, Any]
_GROUP: _Row = dict.fromkeys(_COUNTS, "integer") | {
    "unknown_calls": "integer", "mean_input_tokens": "number", "usd": "number",
}  # fmt: skip
_COMPONENT: _Row = {
    "component": "string", "new_tokens": "integer", "resent_tokens": "integer",
    "cached_tokens": "integer", "usd": "number", "new_fresh_usd": "number",
    "new_cached_usd": "number", "resent_fresh_usd": "number", "resent_cached_usd": "number",
}  # fmt: skip
_SHARES = ("recorded_share", "ideal_share", "modelled_share", "heldout_residual_pp")
_MAYBE = ["number", "null"]
_LAYER: _Row = {
    "layer": "string", "settings": "object", "step_usd": "number", "solo_usd": "number",
    "without_usd": "number", "shapley_usd": _MAYBE, "shapley_se_usd": _MAYBE,
    "overhead_usd": "number", "calls_touched": "integer", "evidence": "object", "risk": "object",
    "verified": "boolean", "basis": "string", "assumptions": "array", "measured": "array",
    "measured_run": ["integer", "null"],
}  # fmt: skip
_STEP: _Row = {
    "step": "integer", "and_later": "boolean", "calls": "integer", "calls_after": "integer",
    "mean_input_tokens_before": _MAYBE, "mean_input_tokens_after": _MAYBE,
    "usd_before": "number", "usd_after": "number",
}  # fmt: skip
ROWS: dict[tuple[str, str], _Row] = {
    ("BillInfo", "by_model"): {"provider": "string", "model": "string"} | _GROUP,
    ("BillInfo", "by_step"): {"step": "integer"} | _GROUP,
    ("BillInfo", "by_component"): _COMPONENT,
    ("BillInfo", "paid_for"): {"what": "string", "usd": "number"},
    ("Projection", "layers"): _LAYER,
    ("Projection", "by_step"): _STEP,
    ("PromptCacheInfo", "by_model"): {"provider": "string", "model": "string"}
    | dict.fromkeys(_SHARES, _MAYBE),
}
"""(part, field): what every row of that list has."""
for _name in ("agent", "task", "tool", "workflow", "user_segment", "tenant", "day"):
    ROWS["BillInfo", f"by_{_name}"] = {_name: "string"} | _GROUP
_PARTS = {
    "trace": "TraceInfo", "bill": "BillInfo", "prompt_cache": "PromptCacheInfo",
    "coverage": "Coverage", "checklist": "ChecklistItem", "findings": "FindingItem",
    "projection": "Projection", "advice": "AdviceItem", "replay": "ReplayInfo",
}  # fmt: skip


def result_schema(pages: Mapping[str, str] | None = None) -> dict[str, Any]:
    """JSON Schema (2020-12) of `costopt.result/1`. `pages`: texts by `part.field`, as descriptions."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(Result).json_schema()
    parts = schema["$defs"]
    for (part, name), columns in ROWS.items():
        parts[part]["properties"][name]["items"] = _row(columns)
    for path, text in (pages or {}).items():
        head, _, name = path.partition(".")
        found = parts.get(_PARTS.get(head, ""), {}).get("properties", {}).get(name)
        if found is not None:
            found["description"] = " ".join(text.split())
    schema["properties"]["schema"] = {"const": SCHEMA}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA, **schema}


def schema_text(schema: dict[str, Any]) -> str:
    """As it is published: indented, keys in order, a line end at the end."""
    import json

    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _row(columns: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in columns.items()},
        "required": list(columns),
    }
