"""Inputs and outputs as tracing tools keep them, turned into bodies that `sources/bodies` reads.

A tool keeps what the framework handed over: a provider's body, a list of messages, LangChain's serialised
messages, messages of parts (OpenTelemetry), or plain text. What fits nothing is kept as JSON text.
LangChain's forms: langchain-core `messages/`, `load/serializable.py`
(https://github.com/langchain-ai/langchain, checked 2026-11-24).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from costopt.sources._rows import decoded
from costopt.sources.bodies import family
from costopt.sources.bodies.parts import items, mapping, text
from costopt.sources.bodies.requests import USUAL
from costopt.sources.bodies.segments import ROLES, to_json

_LANGCHAIN = {
    "human": "user", "HumanMessage": "user", "HumanMessageChunk": "user",
    "ai": "assistant", "AIMessage": "assistant", "AIMessageChunk": "assistant",
    "system": "system", "SystemMessage": "system", "SystemMessageChunk": "system",
    "tool": "tool", "ToolMessage": "tool", "ToolMessageChunk": "tool",
    "function": "function", "FunctionMessage": "function", "developer": "developer",
}  # fmt: skip
_BODY_FIELDS = ("contents", "input", "prompt", "inputText")
_SETTINGS = USUAL - {"messages"} | {"model_name"}
_TOOL_USE = ("tool_use", "server_tool_use")
# With a type alone: an item of the Responses API, or one block.
_MESSAGE_FIELDS = frozenset(("role", "content", "parts", "type"))


def chat_request(value: Any) -> dict[str, Any] | None:
    """A request body out of a recorded input; None where the log kept none."""
    value = decoded(value)
    if isinstance(value, list):
        return _with_tools({}, value) if value else None
    if not isinstance(value, dict):
        return {"messages": [{"role": "user", "content": text(value)}]} if text(value) else None
    if isinstance(value.get("messages"), list):
        return _with_tools(value, value["messages"])
    if isinstance(value.get("prompts"), list):
        said = [{"role": "user", "content": p} for p in value["prompts"] if isinstance(p, str)]
        return {**value, "messages": said}
    if any(name in value for name in _BODY_FIELDS):
        return value
    inner = value.get("kwargs")
    if isinstance(inner, dict) and "args" in value and inner:
        return chat_request(inner)
    if value.keys() <= _SETTINGS:
        return {**value} if value else None
    return {"messages": _conversation([value])}


def _with_tools(value: dict[str, Any], messages: list[Any]) -> dict[str, Any]:
    """A request of these messages. Langfuse's LangChain handler puts tool schemas among them."""
    found = _conversation(messages)
    schemas = [m["content"] for m in found if _is_schema(m)]
    if not schemas:
        return {**value, "messages": found}
    rest = [m for m in found if not _is_schema(m)]
    return {**value, "tools": [*items(value.get("tools")), *schemas], "messages": rest}


def _is_schema(message: Any) -> bool:
    content = mapping(mapping(message).get("content"))
    return text(mapping(message).get("role")) == "tool" and isinstance(
        content.get("function"), dict
    )


def _conversation(values: list[Any]) -> list[Any]:
    """Messages in order; of LangChain's batch of conversations the first (a run is one call)."""
    if values and isinstance(values[0], list) and not _is_pair(values[0]):
        values = values[0]
    return [m for value in values for m in chat_messages(decoded(value))]


def _is_pair(value: list[Any]) -> bool:
    """LangChain's short form of a message: ["human", "hello"]."""
    kind, words = value if len(value) == 2 else (None, None)
    return isinstance(words, str) and isinstance(kind, str) and kind in _LANGCHAIN


def chat_messages(value: Any) -> Iterator[Any]:
    """One recorded message as chat messages (a message of parts may hold several tool results)."""
    if isinstance(value, list) and _is_pair(value):
        yield {"role": _LANGCHAIN[value[0]], "content": value[1]}
    elif not isinstance(value, dict):
        yield value
    elif _is_langchain(value):
        yield _langchain(value)
    elif "toolCallId" in value and "toolName" in value:  # Vercel's AI SDK
        call = {"id": value["toolCallId"], "name": value["toolName"], "args": value.get("input")}
        yield {"role": "assistant", "content": None, "tool_calls": [call]}
    elif isinstance(value.get("parts"), list) and _is_otel(value["parts"]):
        yield from _of_parts(value)
    elif not value.keys().isdisjoint(_MESSAGE_FIELDS):
        yield value
    else:
        yield {"role": "user", "content": to_json(value)}


def _is_langchain(value: dict[str, Any]) -> bool:
    nested = isinstance(value.get("data"), dict) or "additional_kwargs" in value
    return value.get("lc") == 1 or nested or _is_dumped(value)


def _is_dumped(value: dict[str, Any]) -> bool:
    return "role" not in value and "content" in value and text(value.get("type")) in _LANGCHAIN


def _langchain(value: dict[str, Any]) -> dict[str, Any]:
    """HumanMessage, AIMessage and the like, however they were serialised."""
    inner = value.get("kwargs") or value.get("data")
    said = inner if isinstance(inner, dict) else value
    names = [text(said.get("type")), text(value.get("type")), *map(text, items(value.get("id")))]
    stated = text(said.get("role")) or "user"
    role = next((_LANGCHAIN[n] for n in names if n in _LANGCHAIN), stated)
    more, content = mapping(said.get("additional_kwargs")), said.get("content")
    message: dict[str, Any] = {"role": role, "content": content}
    if role.lower() not in ROLES:  # a handler that names the tool instead of the role
        message.update(role="tool", name=role)
    for name in ("name", "tool_call_id"):
        if said.get(name):
            message[name] = said[name]
    if more.get("reasoning_content"):
        message["reasoning_content"] = more["reasoning_content"]
    calls = said.get("tool_calls") or more.get("tool_calls")
    if calls and not _calls_inside(content):
        message["tool_calls"] = calls
    elif more.get("function_call") and not calls:
        message["function_call"] = more["function_call"]
    return message


def _calls_inside(content: Any) -> bool:
    """Anthropic through LangChain: the content holds the tool calls that `tool_calls` repeats."""
    return any(mapping(block).get("type") in _TOOL_USE for block in items(content))


def _is_otel(parts: list[Any]) -> bool:
    """OpenTelemetry's parts name a type; Gemini's do not."""
    return bool(parts) and all(text(mapping(p).get("type")) for p in parts)


def _of_parts(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    role, said, calls = text(value.get("role")) or "user", [], []
    for part in map(mapping, value["parts"]):
        kind = part.get("type")
        if kind == "tool_call":
            calls.append({k: part.get(k) for k in ("id", "name", "arguments")})
        elif kind == "tool_call_response":
            answer = part.get("response", part.get("result"))
            answer = answer if isinstance(answer, str | None) else to_json(answer)
            yield {"role": "tool", "tool_call_id": part.get("id"), "content": answer}
        elif kind in ("text", "thinking", "reasoning") and "content" in part:
            words = part["content"]
            said.append({"type": "text" if kind == "text" else "thinking", "text": words})
        else:
            said.append(dict(part))
    if said or calls:
        yield {"role": role, "content": said, **({"tool_calls": calls} if calls else {})}


def chat_answer(value: Any, finish: str = "") -> dict[str, Any] | None:
    """A response body out of a recorded output; None where the log kept none."""
    value = decoded(value)
    if isinstance(value, dict) and value:
        return _answer_of(value, finish)
    said = value if isinstance(value, list) else [text(value)] if text(value) else []
    return _choices(said, finish) if said else None


def _answer_of(value: dict[str, Any], finish: str) -> dict[str, Any] | None:
    if "input_tokens" in mapping(value.get("usage_metadata")):  # LangChain's, not Gemini's
        value = {k: v for k, v in value.items() if k != "usage_metadata"}
    if isinstance(value.get("generations"), list):
        return _generations(value)
    if _is_langchain(value) or "toolCallId" in value:
        return _choices([value], finish)
    if isinstance(value.get("message"), dict) and value.keys() & {"index", "finish_reason"}:
        return {"choices": [value]}
    parts = mapping(value.get("content")).get("parts")
    if isinstance(parts, list) and "candidates" not in value:  # one candidate of Gemini's
        return {**value, "candidates": [{k: value.get(k) for k in ("content", "finish_reason")}]}
    if family(value):
        return value
    if isinstance(value.get("messages"), list):
        return _choices(value["messages"][-1:], finish)
    if len(value) == 1 and not value.keys().isdisjoint(("output", "text", "completion", "answer")):
        return chat_answer(next(iter(value.values())), finish)
    known = "role" in value or "content" in value or "tool_calls" in value
    return _choices([value if known else to_json(value)], finish)


def _choices(values: list[Any], finish: str) -> dict[str, Any]:
    """An OpenAI-shaped body of these messages."""
    choices = []
    for value in values:
        reason = finish or text(mapping(value).get("finish_reason"))
        value = {"role": "assistant", "content": value} if isinstance(value, str) else value
        for message in chat_messages(value):
            said = {**message, "role": "assistant"} if isinstance(message, dict) else message
            said = said if isinstance(said, dict) else {"role": "assistant", "content": said}
            choices.append({"message": said, "finish_reason": reason})
    return {"choices": choices}


def _generations(value: dict[str, Any]) -> dict[str, Any]:
    """LangChain's LLMResult: a list (one a prompt) of lists of generations."""
    choices: list[Any] = []
    for made in _flat(value["generations"]):
        info = mapping(made.get("generation_info"))
        said = mapping(made.get("message"))
        told = mapping(answer_message(made).get("response_metadata"))
        reason = text(info.get("finish_reason")) or text(told.get("finish_reason"))
        reason = reason or text(told.get("stop_reason"))
        choices += _choices([dict(said) if said else text(made.get("text"))], reason)["choices"]
    return {"choices": choices}


def _flat(values: list[Any]) -> Iterator[dict[str, Any]]:
    for value in values:
        for made in value if isinstance(value, list) else [value]:
            if isinstance(made, dict):
                yield made


def generations(value: Any) -> list[dict[str, Any]]:
    """Every generation of an LLMResult; empty for another output."""
    return list(_flat(items(mapping(value).get("generations"))))


def answer_message(made: dict[str, Any]) -> dict[str, Any]:
    """The fields of a generation's message, serialised (`kwargs`) or not."""
    said = mapping(made.get("message"))
    inner = said.get("kwargs") or said.get("data")
    return dict(inner if isinstance(inner, dict) else said)
