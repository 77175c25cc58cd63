"""Blocks of requests and answers, as every provider spells them, turned into segments.

One segment a block. Tool schemas keep their key order (a changed order breaks a provider's cache and
must show); arguments of tool calls get sorted keys (equal calls must be equal).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import xxhash

from costopt.model.call import Breakpoint, Segment, SegmentKind
from costopt.model.identity import SEED
from costopt.sources.bodies.parts import Body, items, mapping, text

Names = dict[str, str]
"""Tool name by call id: results name only the call."""

_S = SegmentKind
ROLES = {
    "system": _S.SYSTEM, "developer": _S.SYSTEM, "user": _S.USER, "human": _S.USER,
    "assistant": _S.ASSISTANT, "model": _S.ASSISTANT, "ai": _S.ASSISTANT,
    "tool": _S.TOOL_RESULT, "function": _S.TOOL_RESULT,
}  # fmt: skip


def to_json(value: object) -> str:
    """Compact JSON in the order given; what JSON cannot hold becomes its text."""
    try:
        return orjson.dumps(value, default=str).decode()
    except (TypeError, ValueError):  # lone surrogates, integers beyond 64 bit
        return str(value)


def arguments(value: object) -> str:
    """Canonical JSON of a tool call's arguments; text that is no JSON stays as the model wrote it."""
    try:
        parsed = orjson.loads(value) if isinstance(value, str) else value
        return orjson.dumps({} if parsed is None else parsed, option=orjson.OPT_SORT_KEYS).decode()
    except (TypeError, ValueError, RecursionError):
        return value if isinstance(value, str) else to_json(value)


def attachment(kind: SegmentKind, data: object, name: str = "") -> Segment:
    """An image or a file: a hash of its data instead of text."""
    raw = data if isinstance(data, str) else to_json(data)
    head = f"{int(kind)}\0{name}\0{raw}"
    digest = xxhash.xxh3_128_digest(head.encode("utf-8", "surrogatepass"), seed=SEED)
    return Segment(kind, "", name, digest=digest)


def tool_schemas(out: list[Segment], tools: object) -> None:
    """One TOOLS segment a tool, so that reordered and unused tools can be seen."""
    for tool in items(tools):
        if not isinstance(tool, dict):
            continue
        declared = tool.get("functionDeclarations") or tool.get("function_declarations")
        if isinstance(declared, list):
            tool_schemas(out, declared)
        elif "cachePoint" in tool:
            mark_last(out, mapping(tool["cachePoint"]))
        else:
            inner = mapping(tool.get("function")) or mapping(tool.get("toolSpec"))
            name = text(tool.get("name")) or text(inner.get("name")) or text(tool.get("type"))
            out.append(Segment(_S.TOOLS, _schema_text(tool), name))
            mark_last(out, tool.get("cache_control") or inner.get("cache_control"))


def _schema_text(tool: dict[str, Any]) -> str:
    if "cache_control" in tool:
        tool = {name: value for name, value in tool.items() if name != "cache_control"}
    return to_json(tool)


def mark_last(out: list[Segment], mark: object) -> None:
    """Put a cache mark on the block just read."""
    if out and isinstance(mark, dict):
        ttl = Breakpoint.TTL_1H if mark.get("ttl") == "1h" else Breakpoint.TTL_5M
        out[-1] = replace(out[-1], breakpoint=ttl)  # the block may be an earlier call's as well


def content(out: list[Segment], value: object, kind: SegmentKind, names: Names) -> None:
    """Content of a message: text, or a list of blocks."""
    if isinstance(value, str):
        if value:
            out.append(Segment(kind, value))
    elif isinstance(value, list):
        for part in value:
            block(out, part, kind, names)
    elif value is not None:
        block(out, value, kind, names)


def block(out: list[Segment], value: object, kind: SegmentKind, names: Names) -> None:
    """One block of any provider. An unknown one is kept as JSON, never dropped."""
    if not isinstance(value, dict):
        content(out, value if isinstance(value, str | None) else to_json(value), kind, names)
        return
    size = len(out)
    reader = _BY_TYPE.get(text(value.get("type"))) or _reader_by_key(value)
    reader(out, value, kind, names)
    if "cache_control" in value and len(out) > size:
        mark_last(out, value["cache_control"])


Reader = Callable[[list[Segment], Body, SegmentKind, Names], None]


def _text(out: list[Segment], value: Body, kind: SegmentKind, names: Names) -> None:
    words = value.get("text")
    if value.get("thought") is True:  # Gemini marks a thought part this way
        kind = _S.REASONING
    if isinstance(words, str):
        if words:
            out.append(Segment(kind, words))
    else:
        _unknown(out, value, kind, names)


def _refusal(out: list[Segment], value: Body, kind: SegmentKind, names: Names) -> None:
    out.append(Segment(kind, text(value.get("refusal"))))


def _image(out: list[Segment], value: Body, kind: SegmentKind, names: Names) -> None:
    out.append(attachment(_S.IMAGE, _data(value)))


def _file(out: list[Segment], value: Body, kind: SegmentKind, names: Names) -> None:
    source = mapping(value.get("source"))
    if source.get("type") == "text" and isinstance(source.get("data"), str):
        out.append(Segment(_S.FILE, source["data"]))
    elif source.get("type") == "content":
        content(out, source.get("content"), kind, names)
    else:
        out.append(attachment(_S.FILE, _data(value)))


def _data(value: Body) -> object:
    """The payload without the marks around it: the same picture is the same segment."""
    for name in (
        "source",
        "image_url",
        "input_audio",
        "file",
        "inlineData",
        "inline_data",
        "image",
    ):
        if name in value:
            return value[name]
    return {k: v for k, v in value.items() if k not in ("cache_control", "type", "detail")}


def _media(out: list[Segment], value: Body, kind: SegmentKind, names: Names) -> None:
    """A Gemini part: the MIME type says whether it is a picture."""
    data = next(
        value[k] for k in ("inlineData", "inline_data", "fileData", "file_data") if k in value
    )
    mime = text(mapping(data).get("mimeType")) or text(mapping(data).get("mime_type"))
    out.append(attachment(_S.IMAGE if mime.startswith("image/") else _S.FILE, data))


def _thinking(out: list[Segment], value: Body, kind: SegmentKind, names: Names) -> None:
    words = text(value.get("thinking")) or text(value.get("text"))
    if words:
        out.append(Segment(_S.REASONING, words))
    elif value.get("data"):
        out.append(attachment(_S.REASONING, value["data"]))


def _tool_use(out: list[Segment], value: Body, kind: SegmentKind, names: Names) -> None:
    tool_call(out, value.get("name"), value.get("input"), value.get("id"), names)


def tool_call(
    out: list[Segment], name: object, args: object, call_id: object, names: Names
) -> None:
    """A call of a tool, and its name kept for the result that follows."""
    known, key = text(name), text(call_id)
    if key:
        names[key] = known
    out.append(Segment(_S.TOOL_CALL, arguments(args), known, key))


def _tool_result(out: list[Segment], value: Body, kind: SegmentKind, names: Names) -> None:
    tool_result(out, value.get("content"), value.get("tool_use_id"), names)


def tool_result(
    out: list[Segment], value: object, call_id: object, names: Names, name: str = ""
) -> None:
    """One TOOL_RESULT with all its text, then the pictures it holds."""
    key = text(call_id)
    name = name or names.get(key, "")
    if isinstance(value, str):
        out.append(Segment(_S.TOOL_RESULT, value, name, key))
        return
    inner: list[Segment] = []
    content(inner, value, _S.TOOL_RESULT, names)
    words = "\n".join(s.text for s in inner if not s.digest)
    out.append(Segment(_S.TOOL_RESULT, words, name, key))
    out.extend(s for s in inner if s.digest)


def _bedrock_tool_use(out: list[Segment], value: Body, kind: SegmentKind, names: Names) -> None:
    use = mapping(value["toolUse"])
    tool_call(out, use.get("name"), use.get("input"), use.get("toolUseId"), names)


def _bedrock_tool_result(out: list[Segment], value: Body, kind: SegmentKind, names: Names) -> None:
    result = mapping(value["toolResult"])
    tool_result(out, result.get("content"), result.get("toolUseId"), names)


def _bedrock_json(out: list[Segment], value: Body, kind: SegmentKind, names: Names) -> None:
    out.append(Segment(kind, to_json(value["json"])))


def _bedrock_reasoning(out: list[Segment], value: Body, kind: SegmentKind, names: Names) -> None:
    inner = mapping(value["reasoningContent"])
    words = text(mapping(inner.get("reasoningText")).get("text"))
    if words:
        out.append(Segment(_S.REASONING, words))
    elif inner:
        out.append(attachment(_S.REASONING, inner))


def _cache_point(out: list[Segment], value: Body, kind: SegmentKind, names: Names) -> None:
    mark_last(out, value["cachePoint"])


def _function_call(out: list[Segment], value: Body, kind: SegmentKind, names: Names) -> None:
    call = mapping(value.get("functionCall") or value.get("function_call"))
    tool_call(out, call.get("name"), call.get("args"), call.get("id"), names)


def _function_response(out: list[Segment], value: Body, kind: SegmentKind, names: Names) -> None:
    answer = mapping(value.get("functionResponse") or value.get("function_response"))
    words = to_json(answer.get("response"))
    out.append(Segment(_S.TOOL_RESULT, words, text(answer.get("name")), text(answer.get("id"))))


def _unknown(out: list[Segment], value: Body, kind: SegmentKind, names: Names) -> None:
    shown = {k: v for k, v in value.items() if k != "cache_control"}
    if shown:
        out.append(Segment(kind, to_json(shown)))


_BY_TYPE: dict[str, Reader] = {
    **dict.fromkeys(("text", "input_text", "output_text", "summary_text", "reasoning_text"), _text),
    "refusal": _refusal,
    **dict.fromkeys(("image", "image_url", "input_image", "computer_screenshot"), _image),
    **dict.fromkeys(
        ("document", "file", "input_file", "input_audio", "audio", "video", "container_upload"),
        _file,
    ),
    **dict.fromkeys(("thinking", "redacted_thinking"), _thinking),
    **dict.fromkeys(("tool_use", "server_tool_use", "mcp_tool_use"), _tool_use),
    **dict.fromkeys(
        (
            "tool_result", "mcp_tool_result", "web_search_tool_result", "web_fetch_tool_result",
            "code_execution_tool_result", "bash_code_execution_tool_result",
            "text_editor_code_execution_tool_result", "tool_search_tool_result",
        ),
        _tool_result,
    ),
}  # fmt: skip

# Bedrock and Gemini name a block by its only key instead of a type.
_BY_KEY: dict[str, Reader] = {
    "text": _text,
    "toolUse": _bedrock_tool_use, "toolResult": _bedrock_tool_result, "json": _bedrock_json,
    "reasoningContent": _bedrock_reasoning, "cachePoint": _cache_point,
    "image": _image, "document": _file, "video": _file, "audio": _file,
    "functionCall": _function_call, "function_call": _function_call,
    "functionResponse": _function_response, "function_response": _function_response,
    "inlineData": _media, "inline_data": _media, "fileData": _media, "file_data": _media,
}  # fmt: skip


def _reader_by_key(value: Body) -> Reader:
    for name, reader in _BY_KEY.items():
        if value.get(name) is not None:
            return reader
    return _unknown
