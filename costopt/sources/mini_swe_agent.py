"""mini-swe-agent trajectories: one `.traj.json` a run, the provider's answer beside each message.

```json
{"info": {"mini_version": "2.4.6", "config": {}}, "trajectory_format": "mini-swe-agent-1.1",
 "messages": [{"role": "assistant", "content": "Done.", "extra": {"response": {"usage": {}}, "cost": 0.01}}]}
```

* A request is every message before its answer; a tool's schema and the sampling settings come from `info.config`.
* An answer that could not be parsed is kept on the user message that complains about it: it was billed, and counts.
* The charge is the provider's own (`usage.cost` through OpenRouter), else the agent's estimate (`extra.cost`).
* An answer logged as text instead of an object is refused; retries inside one query are not in the log.
* A message of the model without an answer beside it is a call without counts, never one of zero dollars.

Fields: `agents/default.py` and `models/litellm_model.py` of mini-swe-agent 1.15 to 2.4.6
(https://github.com/SWE-agent/mini-swe-agent, checked 2026-11-24).
"""  # noqa: E501 - one line of a log is one line

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from costopt.model.call import Call, Record, Rejected, Segment, Skipped, UsageContradiction
from costopt.sources._heads import head_records
from costopt.sources._runs import History, fingerprint, stem, text_metadata
from costopt.sources.base import Confidence, Head, SourceFile
from costopt.sources.bodies import RequestParts, openai_chat, openai_responses, read_response
from costopt.sources.bodies.amounts import money_text
from costopt.sources.bodies.build import call_of
from costopt.sources.bodies.parts import items, mapping, number, text, time_us, whole
from costopt.sources.bodies.segments import Names
from costopt.sources.bodies.settings import settings_of
from costopt.sources.lines import records, rejected


class MiniSweAgent:
    """Trajectories of mini-swe-agent."""

    name = "mini-swe-agent"
    title = "mini-swe-agent trajectory"

    def sniff(self, head: Head) -> tuple[Confidence, str]:
        """By `trajectory_format`, or by the `info` that stands before the messages."""
        for record in head_records(head):
            record = mapping(record)
            if text(record.get("trajectory_format")).startswith("mini-swe-agent"):
                return Confidence.SURE, "trajectory_format is mini-swe-agent"
            info = mapping(record.get("info"))
            kind = text(mapping(info.get("config")).get("agent_type"))
            if "mini_version" in info or kind.startswith("minisweagent"):
                return Confidence.SURE, "info of a mini-swe-agent run"
        if b'"mini-swe-agent' in head.data and b'"messages"' in head.data:
            return Confidence.LIKELY, "names mini-swe-agent beside messages"
        return Confidence.NO, "no trajectory_format mini-swe-agent"

    def read(self, file: SourceFile) -> Iterator[Record]:
        """One call an answer, in the order of the messages."""
        read = 0
        with file.open() as stream:
            for line, value in records(stream):
                if isinstance(value, Rejected):
                    yield value
                elif not isinstance(mapping(value).get("messages"), list):
                    yield rejected(line, "no messages of a trajectory", value)
                else:
                    yield from _Run(value, file, read).records()
                    read += len(value["messages"])


class _Run:
    """One trajectory."""

    def __init__(self, value: dict[str, Any], file: SourceFile, read: int) -> None:
        self.messages: list[Any] = value["messages"]
        self.read = read
        info = mapping(value.get("info"))
        stats, config = mapping(info.get("model_stats")), mapping(info.get("config"))
        self.model = mapping(config.get("model"))
        settings = mapping(self.model.get("model_kwargs"))
        self.temperature = number(settings.get("temperature"))
        self.max_tokens = whole(settings.get("max_tokens"))
        self.settings = settings_of(settings)
        self.task = text(value.get("instance_id")) or stem(file.name)
        self.session = f"{self.task}#{fingerprint(stats, self._facts())}"
        self.metadata = text_metadata(
            exit_status=text(info.get("exit_status")),
            mini_version=text(info.get("mini_version")),
            run_cost_usd=money_text(stats.get("instance_cost")),
            run_api_calls=whole(stats.get("api_calls")),
        )

    def _facts(self) -> tuple[object, ...]:
        """Ids and times of the first answers: no two runs share them."""
        found = [mapping(mapping(mapping(m).get("extra")).get("response")) for m in self.messages]
        return tuple((b.get("id"), b.get("created")) for b in found if b)[:4]

    def records(self) -> Iterator[Record]:
        history = History()
        for index, message in enumerate(self.messages):
            before = len(history.blocks)
            history.add(message, _message)
            place = self.read + index + 1
            if _asks_nothing(message):
                yield Skipped(place, text(mapping(message).get("role")) or "message")
                continue
            try:
                yield self._call(place, mapping(message), history, before)
            except UsageContradiction as error:
                yield rejected(place, str(error), message)

    def _call(self, place: int, message: Any, history: History, before: int) -> Call:
        extra = mapping(message.get("extra"))
        body = extra.get("response", message if message.get("object") == "response" else None)
        if body is not None and not isinstance(body, dict):
            raise UsageContradiction(f"response is {type(body).__name__}, not an object")
        asked = RequestParts(
            history.blocks[:before], True, text(self.model.get("model_name")),
            self.max_tokens, self.temperature, settings=self.settings,
        )  # fmt: skip
        call = call_of(place, asked, read_response(body) if body else None)
        if call.response is None and message.get("role") == "assistant":
            call.response = history.blocks[before:]
        call.at_us = call.at_us if call.at_us is not None else time_us(extra.get("timestamp"))
        call.key = call.key or f"{self.session}|{place - self.read}"
        call.session_id, call.task, call.agent = self.session, self.task, "mini-swe-agent"
        call.metadata = self.metadata
        if call.recorded_usd is None and extra.get("cost"):  # 0: LiteLLM had no price for it
            call.recorded_usd = money_text(extra["cost"])
        return call


def _asks_nothing(message: Any) -> bool:
    message = mapping(message)
    if message.get("role") == "assistant" or message.get("object") == "response":
        return False
    return mapping(message.get("extra")).get("response") is None


def _message(out: list[Segment], value: object, names: Names) -> None:
    """A message of chat, or of the Responses API, which version 1.1 keeps as it came."""
    message = mapping(value)
    if message.get("object") == "response":
        for item in items(message.get("output")):
            openai_responses.item(out, item, names)
    elif "type" in message and "role" not in message:
        openai_responses.item(out, value, names)
    elif message.get("role") != "exit":  # the agent's own last word, never sent
        openai_chat.message(out, value, names)


SOURCE = MiniSweAgent()
