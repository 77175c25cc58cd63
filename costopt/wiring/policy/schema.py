"""The JSON Schema of `policy.yaml`, made from the layers that are installed."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from costopt.layers.discover import layer_names
from costopt.wiring.policy.load import PARTS, VERSION
from costopt.wiring.policy.replay import Replay

SCHEMA_ID = "costopt.policy/1"


class Permissive(GenerateJsonSchema):
    """What is read by a function of ours (`1h`) may be anything, unless it says its own schema."""

    def function_before_schema(
        self, schema: core_schema.BeforeValidatorFunctionSchema
    ) -> JsonSchemaValue:
        if "json_schema_input_schema" in schema:
            return super().function_before_schema(schema)
        return {}


def policy_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a policy; every layer and setting with its documentation."""
    from costopt.wiring.policy.settings import layer_schema

    layers = {name: layer_schema(name) for name in layer_names()}
    defs: dict[str, Any] = {}
    for schema in layers.values():
        defs.update(schema.pop("$defs", {}))
    replay = Replay.model_json_schema()
    replay.pop("title", None)
    defs.update(replay.pop("$defs", {}))
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "costopt policy",
        "type": "object",
        "required": ["version", "layers"],
        "additionalProperties": False,
        "properties": {
            "version": {"const": VERSION},
            "name": {"type": "string", "minLength": 1, "description": "How reports call it."},
            "fields": {
                "description": "Which logged field plays which part: agent: metadata.flow",
                "type": ["object", "null"],
                "additionalProperties": False,
                "properties": {part: {"type": "string", "minLength": 1} for part in PARTS},
            },
            "layers": {
                "description": "Order is the order in which they act.",
                "type": ["array", "null"],
                "items": _one_of(layers),
            },
            "replay": {"anyOf": [replay, {"type": "null"}]},
        },
    }
    return schema | ({"$defs": defs} if defs else {})


def _one_of(layers: dict[str, Any]) -> dict[str, Any]:
    """A layer's name alone, or one key with its settings."""
    with_settings = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": {n: {"anyOf": [s, {"type": "null"}]} for n, s in layers.items()},
    }
    bare = [name for name, schema in layers.items() if not schema.get("required")]
    return {"anyOf": [{"enum": bare}, with_settings] if bare else [with_settings]}
