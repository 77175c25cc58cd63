"""Further parameters of a request, whoever's names they have, under OpenAI's.

What has no counterpart keeps its own name: the language that is written takes it or reports it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from costopt.endpoints.wire.tools import plain_schema
from costopt.model.request_settings import OTHERS

Found = dict[str, Any]
_SAME = {
    "stop_sequences": "stop", "stopSequences": "stop", "topP": "top_p", "topK": "top_k",
    "candidateCount": "n", "candidate_count": "n", "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
}  # fmt: skip


def common(settings: Mapping[str, Any]) -> Found:
    """Parameters under OpenAI's chat names where they have one. `n: 1` is what everybody does anyway."""
    found: Found = {}
    for name, value in settings.items():
        if name == OTHERS:
            found.update(dict.fromkeys(value))
            continue
        reader = _READERS.get(name)
        if reader is None:
            found[_SAME.get(name, name)] = value
        else:
            reader(found, value)
    if found.get("n") == 1:
        del found["n"]
    return found


def _reasoning(found: Found, value: Any) -> None:
    """Responses and OpenRouter: an object; the effort alone is chat's."""
    rest = dict(value) if isinstance(value, dict) else {}
    effort = rest.pop("effort", None)
    if effort is not None:
        found["reasoning_effort"] = effort
    rest = {k: v for k, v in rest.items() if v and k not in ("summary", "generate_summary")}
    if rest:
        found["reasoning"] = rest


def _text(found: Found, value: Any) -> None:
    """Responses: the answer's form and how long it is."""
    if value.get("verbosity"):
        found["verbosity"] = value["verbosity"]
    form = value.get("format")
    if isinstance(form, dict) and form.get("type") != "text":
        if form.get("type") == "json_schema":
            form = {
                "type": "json_schema",
                "json_schema": {k: v for k, v in form.items() if k != "type"},
            }
        found["response_format"] = form


def _schema(schema: Any) -> Found:
    inner = {"name": "answer", "schema": plain_schema(schema)}
    return {"type": "json_schema", "json_schema": inner}


def _format(found: Found, value: Any) -> None:
    """Anthropic's form of the answer, and Ollama's."""
    if value == "json":
        found["response_format"] = {"type": "json_object"}
    elif isinstance(value, dict):
        found["response_format"] = _schema(value.get("schema", value))


def _output_config(found: Found, value: Any) -> None:
    rest = dict(value) if isinstance(value, dict) else {}
    if rest.get("format"):
        _format(found, rest.pop("format"))
    if rest:
        found["output_config"] = rest


def _mime(found: Found, value: Any) -> None:
    if value == "application/json":
        found.setdefault("response_format", {"type": "json_object"})


def _response_schema(found: Found, value: Any) -> None:
    found["response_format"] = _schema(value)


def _tool_choice(found: Found, value: Any) -> None:
    """Anthropic's `{"type": "any"}`, Responses' flat function."""
    if not isinstance(value, dict):
        found["tool_choice"] = value
        return
    kind, name = value.get("type"), value.get("name")
    if kind in _CHOICES:
        found["tool_choice"] = _CHOICES[kind]
    elif kind in ("tool", "function") and isinstance(name, str):
        found["tool_choice"] = {"type": "function", "function": {"name": name}}
    else:
        found["tool_choice"] = value
    if value.get("disable_parallel_tool_use") is True:
        found["parallel_tool_calls"] = False


_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def _bedrock_choice(found: Found, value: Any) -> None:
    if isinstance(value, dict):
        for kind, inner in value.items():
            _tool_choice(found, {**(inner if isinstance(inner, dict) else {}), "type": kind})


def _gemini_choice(found: Found, value: Any) -> None:
    config = value if isinstance(value, dict) else {}
    names = config.get("allowedFunctionNames") or config.get("allowed_function_names") or []
    mode = str(config.get("mode", "")).lower()
    if mode == "any" and len(names) == 1:
        _tool_choice(found, {"type": "tool", "name": names[0]})
    elif mode in _CHOICES and not names:
        found["tool_choice"] = _CHOICES[mode]
    elif mode:
        found["functionCallingConfig"] = value


_READERS: dict[str, Callable[[Found, Any], None]] = {
    "reasoning": _reasoning, "text": _text, "output_config": _output_config,
    "output_format": _format, "format": _format, "tool_choice": _tool_choice,
    "toolChoice": _bedrock_choice, "functionCallingConfig": _gemini_choice,
    **dict.fromkeys(("responseMimeType", "response_mime_type"), _mime),
    **dict.fromkeys(
        ("responseSchema", "response_schema", "responseJsonSchema", "response_json_schema"),
        _response_schema,
    ),
}  # fmt: skip
