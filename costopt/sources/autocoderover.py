"""AutoCodeRover runs: a folder a run; `cost.json` is the bill, the files beside it the text.

```json
{"model": "gpt-4-0125-preview", "input_cost_per_token": 1e-05, "total_input_tokens": 8163,
 "total_output_tokens": 1433, "total_cost": 0.12462, "start_epoch": 1712380098.8, "end_epoch": 1712380257.8}
```

* `conversation_round_*.json` (one thread) and `agent_proxy_*.json` (a list of threads, one a try) are the
  texts of agents `conversation` and `agent_proxy`; the patches of `write_patch` are only counted.
* `info.log` tells counts, cost and time of each request. Where they sum to `cost.json`, those are the calls.
* Without it the run's totals are laid on its conversations by length of text: exact in sum, a share in each
  call (`note` says so). Without any text beside, the run is one row.
* `total_cost` is right; the price per output token that the file states is that of input, and is not read.
* Only `cost.json` makes calls. The other files alone, away from one, are calls whose usage is missing.

Format: `app/api/agent_*.py`, `app/log.py` of AutoCodeRover, April 2024
(https://github.com/AutoCodeRoverSG/auto-code-rover, checked 2026-11-24).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from costopt.errors import CostoptError
from costopt.model.call import Call, Record, Rejected, Skipped, UsageContradiction, missing_usage
from costopt.model.usage import Counts, as_count, inside
from costopt.sources._acr_folder import Beside, Said, agent_of, beside, said_by, said_in
from costopt.sources._acr_log import Log, Request, read_log
from costopt.sources._heads import head_records
from costopt.sources._runs import fingerprint, shares, size_of, usd_shares
from costopt.sources.base import Confidence, Head, SourceFile
from costopt.sources.bodies.amounts import money_text
from costopt.sources.bodies.openai_chat import maker
from costopt.sources.bodies.parts import mapping, number, text
from costopt.sources.lines import records, rejected

SHARE = "counts and cost: this call's share of its run's, by text"
WHOLE_RUN = "all requests of a run in one row: nothing beside it tells them apart"
_SAME_USD = Decimal("1e-9")
_LOG_MARKS = (b"========== Running task ", b"Model API request cost info: ")
_DATED = re.compile(r"(.+)_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d")


class AutoCodeRover:
    """Run folders of AutoCodeRover."""

    name = "autocoderover"
    title = "AutoCodeRover run folder"

    def sniff(self, head: Head) -> tuple[Confidence, str]:
        """By the totals of `cost.json`; the files beside it by name and shape."""
        found = head_records(head)
        first = found[0] if found else None
        if _is_cost(mapping(first)):
            return Confidence.SURE, "a run's total_input_tokens, total_cost and epochs"
        if agent_of(head.name) and (isinstance(first, list) or "role" in mapping(first)):
            return Confidence.SURE, "messages in a file of a run"
        if "func_name" in mapping(first) and "call_ok" in mapping(first):
            return Confidence.SURE, "a run's sequence of tool calls"
        if head.data[:4].isdigit() and any(mark in head.data for mark in _LOG_MARKS):
            return Confidence.SURE, "a run's log"
        return Confidence.NO, "no totals of a run"

    def read(self, file: SourceFile) -> Iterator[Record]:
        """The calls of a `cost.json`; of a thread that lies away from one, calls without counts."""
        agent = agent_of(file.name)
        if agent:
            yield from _threads(file, agent)
            return
        with file.open() as stream:
            if stream.peek(4)[:4].isdigit() if hasattr(stream, "peek") else False:
                yield Skipped(1, "log of a run")
                return
            for line, value in records(stream):
                if isinstance(value, Rejected):
                    yield value
                elif "func_name" in mapping(value):
                    yield Skipped(line, "tool call")
                else:
                    yield from _run(line, value, file)


def _is_cost(value: Any) -> bool:
    return (
        "total_input_tokens" in value
        and "total_cost" in value
        and ("start_epoch" in value or "input_cost_per_token" in value)
    )


def _threads(file: SourceFile, agent: str) -> Iterator[Record]:
    values = []
    with file.open() as stream:
        for _, value in records(stream):
            if isinstance(value, Rejected):
                yield value
            else:
                values.append(value)
    if file.path is None or "cost.json" in beside(file):
        yield Skipped(1, "text of a run that cost.json counts")
        return
    session = f"{agent}#{fingerprint(values)}"
    for place, said in enumerate(said_by(agent, values), 1):
        call = Call(f"{session}|{place}", missing_usage(), place, session_id=session)
        _add_text(call, said)
        yield call


def _add_text(call: Call, said: Said) -> None:
    call.agent, call.request, call.response = said.agent, said.request, said.response


def _run(line: int, value: Any, file: SourceFile) -> Iterator[Record]:
    """All or nothing: the sum of a run's calls is its totals, or the record is refused."""
    try:
        if not _is_cost(mapping(value)):
            raise UsageContradiction("no totals of a run")
        calls = _Run(mapping(value), file).calls()
    except UsageContradiction as error:
        yield rejected(line, str(error), value)
        return
    yield from calls


class _Run:
    """One run: its totals, and what lies beside them."""

    def __init__(self, value: Any, file: SourceFile) -> None:
        self.model = text(value.get("model"))
        self.input = as_count(value.get("total_input_tokens"), "total_input_tokens")
        self.output = as_count(value.get("total_output_tokens"), "total_output_tokens")
        cost = money_text(value.get("total_cost"))
        self.usd = cost if cost and Decimal(cost) else None
        self.start = number(value.get("start_epoch")) or 0.0
        near = beside(file)
        self.said, self.log = said_in(near), _log_in(near)
        self.task = self.log.task or _task_of(file.name)
        totals = (self.model, self.input, self.output, cost, self.start, value.get("end_epoch"))
        self.session = f"{self.task or 'run'}#{fingerprint(totals)}"
        self.commit = text(value.get("commit"))

    def calls(self) -> list[Call]:
        """The run's calls; their counts sum to its totals."""
        log = self.log
        if log.requests and (log.input, log.output) == (self.input, self.output):
            return self._from_log()
        return self._from_texts() if self.said else [self._whole()]

    def _call(self, place: int, given: int, made: int) -> Call:
        call = Call(f"{self.session}|{place}", inside(Counts(input=given, output=made)), place)
        call.id, call.session_id, call.task = call.key, self.session, self.task
        call.model, call.provider = self.model, maker(self.model)
        if self.start > 0:
            call.at_us = round(self.start * 1_000_000)
        if self.commit:
            call.metadata = {"commit": self.commit}
        return call

    def _from_log(self) -> list[Call]:
        """Each request as the log counted it, joined to its text where every one of an agent has one."""
        requests = self.log.requests
        texts = {agent: self._texts_of(agent) for agent in {r.agent for r in requests}}
        logged = sum((Decimal(r.usd) for r in requests), Decimal(0))
        exact = self.usd is not None and abs(logged - Decimal(self.usd)) < _SAME_USD
        shared = usd_shares(self.usd, [r.input + r.output for r in requests])
        calls = []
        for place, (request, usd) in enumerate(zip(requests, shared, strict=True), 1):
            call = self._call(place, request.input, request.output)
            call.agent, call.recorded_usd = request.agent, request.usd if exact else usd
            call.note = "" if exact else "recorded cost: this call's share of its run's"
            self._add_time(call, request)
            if said := next(texts[request.agent], None):
                _add_text(call, said)
            calls.append(call)
        return calls

    def _texts_of(self, agent: str) -> Iterator[Said]:
        said = [s for s in self.said if s.agent == agent]
        counted = sum(r.agent == agent for r in self.log.requests)
        return iter(said if len(said) == counted else [])

    def _add_time(self, call: Call, request: Request) -> None:
        if self.start > 0:
            asked = request.asked_s - self.log.ahead_of_utc_s(self.start)
            # Whole seconds in the log: the place keeps the order of those asked in one.
            call.at_us = asked * 1_000_000 + call.source_line
            call.latency_ms = max(0, request.answered_s - request.asked_s) * 1000.0

    def _from_texts(self) -> list[Call]:
        given = shares(self.input, [size_of(s.request) for s in self.said])
        made = shares(self.output, [size_of(s.response) for s in self.said])
        costs = usd_shares(self.usd, [a + b for a, b in zip(given, made, strict=True)])
        calls = []
        for place, said in enumerate(self.said, 1):
            call = self._call(place, given[place - 1], made[place - 1])
            call.recorded_usd, call.note = costs[place - 1], SHARE
            _add_text(call, said)
            calls.append(call)
        return calls

    def _whole(self) -> Call:
        call = self._call(1, self.input, self.output)
        call.recorded_usd, call.note = self.usd, WHOLE_RUN
        call.requests = max(1, len(self.log.requests))
        return call


def _log_in(near: Beside) -> Log:
    file = near.get("info.log")
    if file is None:
        return Log()
    try:
        with file.open() as stream:
            return read_log(stream)
    except (OSError, CostoptError):  # a damaged log costs its detail, never the bill
        return Log()


def _task_of(name: str) -> str:
    """The folder's name without its date."""
    folder = name.replace("\\", "/").rpartition("/")[0].rpartition("/")[2]
    found = _DATED.fullmatch(folder)
    return found[1] if found else ""


SOURCE = AutoCodeRover()
