"""Tool schemas as the log spells them, in the language of the endpoint.

A schema in that language already is sent as it stands, key by key: its order is part of a cached prefix.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from costopt.endpoints.wire.turns import parsed

_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}


def openai_tool(text: str) -> dict[str, Any] | None:
    """For chat completions; None: a kind of tool that they do not have."""
    tool = parsed(text)
    if not isinstance(tool, dict):
        return None
    if isinstance(tool.get("function"), dict) or isinstance(tool.get("custom"), dict):
        return tool
    found = _function(tool)
    if found is None:
        return None
    name, description, schema = found
    function: dict[str, Any] = {"name": name}
    if description:
        function["description"] = description
    function["parameters"] = schema
    if isinstance(tool.get("strict"), bool):
        function["strict"] = tool["strict"]
    return {"type": "function", "function": function}


def anthropic_tool(text: str) -> dict[str, Any] | None:
    """For Messages; None: a kind of tool that they do not have."""
    tool = parsed(text)
    if not isinstance(tool, dict):
        return None
    if "input_schema" in tool or _is_anthropics(tool):
        return tool
    inner = tool.get("function")
    found = _function({**inner, "type": "function"} if isinstance(inner, dict) else tool)
    if found is None:
        return None
    name, description, schema = found
    made: dict[str, Any] = {"name": name}
    if description:
        made["description"] = description
    return {**made, "input_schema": schema}


def _is_anthropics(tool: Mapping[str, Any]) -> bool:
    """Tools that Anthropic defines carry a date: `bash_20250124`."""
    kind = tool.get("type")
    return isinstance(kind, str) and kind[-8:].isdigit() and "name" in tool


def _function(tool: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]] | None:
    """(name, description, schema) of Responses', Anthropic's, Gemini's or Bedrock's spelling."""
    spec = tool.get("toolSpec")
    if isinstance(spec, dict):
        inner = spec.get("inputSchema")
        tool = {**spec, "parameters": inner.get("json") if isinstance(inner, dict) else None}
    elif tool.get("type") not in (None, "function", "custom") or _is_free_form(tool):
        return None
    name, description = tool.get("name"), tool.get("description")
    if not isinstance(name, str) or not name:
        return None
    schema = next((tool[n] for n in _SCHEMAS if isinstance(tool.get(n), dict)), _NO_PARAMETERS)
    return name, description if isinstance(description, str) else "", plain_schema(schema)


_SCHEMAS = ("parameters", "input_schema", "parametersJsonSchema", "parameters_json_schema")


def _is_free_form(tool: Mapping[str, Any]) -> bool:
    """OpenAI's custom tools take text, not JSON."""
    return tool.get("type") == "custom" and "input_schema" not in tool


def plain_schema(schema: Any) -> Any:
    """Gemini writes JSON schema's types in capitals (https://ai.google.dev/api/caching#Type)."""
    if isinstance(schema, list):
        return [plain_schema(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: plain_schema(value) for name, value in schema.items()}
    kind = schema.get("type")
    if isinstance(kind, str) and kind.isupper():
        found["type"] = kind.lower()
    return found
