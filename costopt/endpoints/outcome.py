"""What a status and an error body mean for a replay: later, never for this request, never at all.

Error bodies: openai-python 3.54 (`{"error": {message, type, code}}`), anthropic-sdk-python 2.12
(`{"type": "error", "error": {type, message}}`, https://docs.anthropic.com/en/api/errors), checked
2026-11-25.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from costopt.endpoints.limits import limits_of, retry_after_s
from costopt.model.exchange import Refusal, Trouble
from costopt.model.secrets import masked

LONGEST_MESSAGE = 300

# What an account cannot pay for will not pass later either.
_NO_MONEY = re.compile(
    r"insufficient[_ ]quota|exceeded your current quota|credit balance is too low"
    r"|insufficient (?:balance|credits|funds)|billing_(?:hard_limit|not_active|error)",
    re.I,
)
_MODEL = re.compile(
    r"model_not_found|unknown model|invalid model name|no such model|DeploymentNotFound"
    r"|not a valid model|no endpoints found for|server is pinned to"
    r"|\bmodel\b.{0,120}?(?:not found|does ?n[o']t exist|does not exist|only serves"
    r"|not (?:available|served|loaded|supported))",
    re.I | re.S,
)
# Gateways that say 400 where others say 401: Gemini's surface, LiteLLM without a database.
_KEY = re.compile(
    r"invalid_api_key|api key not valid|incorrect api key|no_db_connection|no connected db", re.I
)
_MODERATED = re.compile(r"moderation|flagged", re.I)
# A gateway that gave up waiting, or lost the answer on its way: the model behind it may have run and been
# charged. LiteLLM 1.108 says the first in 408, the second in 500 (tried 2026-11-25).
_GATEWAY_LOST = re.compile(
    r"litellm\.Timeout|upstream.{0,20}timed? ?out|payload is not completed|server disconnected"
    r"|incomplete chunked read|connection reset",
    re.I,
)
_LATE = frozenset((504, 524))
_OVERLOADED = frozenset(("overloaded_error", "rate_limit_error", "api_error", "server_error",
                         "timeout_error", "internal_server_error"))  # fmt: skip


@dataclass(frozen=True)
class Reply:
    """A refusing answer as it came."""

    status: int
    text: str
    host: str
    model: str
    latency_ms: float
    headers: Mapping[str, str] = field(default_factory=dict)


def refusal(reply: Reply) -> Refusal:
    """What may be done after this answer."""
    kind, said = words_of(reply.text)
    trouble, message, hint = _judge(reply, kind, said)
    waits = trouble in (Trouble.RETRY, Trouble.UNSURE)
    return Refusal(
        trouble, masked(message), hint, reply.status or None,
        retry_after_s(reply.headers) if waits else None, reply.latency_ms,
        request_id_of(reply.headers), limits_of(reply.headers),
    )  # fmt: skip


def _judge(reply: Reply, kind: str, said: str) -> tuple[Trouble, str, str]:
    status, both = reply.status, f"{kind} {said}"
    told = f"{reply.host} answers {status}: {said}" if said else f"{reply.host} answers {status}"
    if _NO_MONEY.search(both) or status == 402:
        return Trouble.STOP, told, "The account of this key has nothing left to spend."
    if status == 403 and _MODERATED.search(both):
        return Trouble.REFUSED, told, ""
    if status in (401, 403) or (status == 400 and _KEY.search(both)):
        return Trouble.STOP, told, "Check the key in the variable that --api-key-env names."
    if 300 <= status < 400:
        where = reply.headers.get("location", "another address")
        return Trouble.STOP, f"{reply.host} redirects to {where}; the key is not sent there", (
            "Give the address itself as the endpoint."
        )  # fmt: skip
    if status in (400, 404, 422) and _MODEL.search(both):
        return Trouble.STOP, f"{reply.host} does not serve the model {reply.model!r}: {said}", (
            f"Name one that it serves: --model-map {reply.model}=NAME"
        )  # fmt: skip
    if status in (404, 405):
        return Trouble.STOP, told, "The address usually ends in /v1."
    if status in _LATE or _GATEWAY_LOST.search(both):
        return Trouble.UNSURE, told, ""
    if status in (408, 409, 425, 429) or status >= 500:
        return Trouble.RETRY, told, ""
    return Trouble.REFUSED, told, ""


def within(body: Mapping[str, Any], reply: Reply, begun: bool) -> Refusal:
    """An error that came inside an answer of status 200: a gateway's body, or an event of a stream.

    `begun`: the model had already said something, so that it may have been charged.
    """
    inner = body.get("error")
    inner = inner if isinstance(inner, dict) else body
    kind, said = words_of(reply.text)
    code = inner.get("code")
    status = code if isinstance(code, int) and 300 <= code < 600 else 0
    if begun:
        message = f"{reply.host} broke off its answer: {said or kind}"
        return Refusal(
            Trouble.UNSURE, masked(message), latency_ms=reply.latency_ms,
            request_id=request_id_of(reply.headers), limits=limits_of(reply.headers),
        )  # fmt: skip
    if not status:
        status = 529 if kind in _OVERLOADED else 400
    found = Reply(status, reply.text, reply.host, reply.model, reply.latency_ms, reply.headers)
    return refusal(found)


def words_of(text: str) -> tuple[str, str]:
    """(type and code, message) of an error body; a body of another kind is its own message."""
    try:
        found = orjson.loads(text)
    except ValueError:
        return "", _short(re.sub(r"<[^>]*>", " ", text))
    inner = found.get("error", found) if isinstance(found, dict) else found
    if not isinstance(inner, dict):
        return "", _short(str(inner or ""))
    kind = " ".join(str(inner[k]) for k in ("type", "code") if inner.get(k) not in (None, ""))
    said = inner.get("message") or inner.get("detail") or inner.get("error") or ""
    return kind, _short(said if isinstance(said, str) else orjson.dumps(said).decode())


def _short(text: str) -> str:
    """Cut after it is masked: half a key would not be known for one."""
    line = " ".join(masked(text[: 20 * LONGEST_MESSAGE]).split())
    return line if len(line) <= LONGEST_MESSAGE else line[:LONGEST_MESSAGE] + "..."


def request_id_of(headers: Mapping[str, str]) -> str:
    """The provider's own number of this request."""
    for name in ("x-request-id", "request-id", "x-litellm-call-id", "x-amzn-requestid", "cf-ray"):
        if headers.get(name):
            return headers[name][:200]
    return ""
