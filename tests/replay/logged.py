"""Logged bodies as requests: read as a log is read, laid out as a trace, built again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from costopt.model.build import trace_of
from costopt.model.call import Call, Segment, Usage
from costopt.model.exchange import Request
from costopt.model.view import View
from costopt.replay.requests import Requests
from costopt.sources.bodies import read_request
from costopt.sources.bodies.build import call_of
from tests.layers.context import texts_of

Body = Mapping[str, Any]


def call_from(body: Body, number: int = 0, **more: Any) -> Call:
    """One call of a log that keeps this request body."""
    call = call_of(number + 1, read_request(body), None)
    call.key, call.session_id, call.at_us = f"k{number}", "s", 1_000_000 * number
    call.usage = Usage([10, *[0] * (len(Usage().leaves) - 1)])
    return replace(call, **{"provider": "openai", **more})


def requests_of(calls: Sequence[Call], **more: Any) -> Requests:
    trace = trace_of(calls)
    return Requests.of(View.of(trace), texts_of(trace, calls), **more)


def built(calls: Sequence[Call], **more: Any) -> list[Request | str]:
    requests = requests_of(calls, **more)
    return [requests.build(row) for row in range(len(calls))]


def request(body: Body, **more: Any) -> Request:
    """The request of one logged body; it must be one that can be sent."""
    (found,) = built([call_from(body, **more)])
    assert isinstance(found, Request), found
    return found


def shown(segments: Sequence[Segment]) -> list[tuple[Any, ...]]:
    """What makes two segments the same for a provider."""
    return [(s.kind.name, s.text, s.name, s.breakpoint.name) for s in segments]
