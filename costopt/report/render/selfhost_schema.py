"""The published JSON Schema of `costopt.selfhost/1`, from the dataclasses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from costopt.report.selfhost import SCHEMA, SelfHosting

PUBLISHED = Path(__file__).parent.parent / "schema" / "selfhost.schema.json"
ADDED = {"Traffic": {"tokens_per_day": "number"}, "Fleet": {"gpus": "integer"}}
"""What `to_json` adds to the fields: sums a reader should not have to make."""


def selfhost_schema() -> dict[str, Any]:
    """JSON Schema (2020-12)."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(SelfHosting).json_schema()
    for part, fields in ADDED.items():
        for name, kind in fields.items():
            schema["$defs"][part]["properties"][name] = {"type": kind}
            schema["$defs"][part]["required"].append(name)
    own = {"schema": {"const": SCHEMA}, "verdict": {"type": "string"}}
    schema["properties"] = own | schema["properties"]
    schema["required"] = [*own, *schema["required"]]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA, **schema}
