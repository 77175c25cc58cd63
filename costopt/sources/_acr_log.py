"""What AutoCodeRover's `info.log` tells of each request: counts, cost, and time to the second."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from costopt.sources._acr_folder import CONVERSATION, PROXY

PATCH = "write_patch"
_COST = re.compile(
    r"Model API request cost info: input_tokens=(\d{1,9}), output_tokens=(\d{1,9}), cost=(\d{1,9}\.\d{1,12})"
)
_TASK = re.compile(r"=+ Running task (\S+)")
_STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_MARKS = (("Trying to select search APIs", PROXY), ("Trying to write a patch", PATCH))
_QUARTER_S = 900
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Request:
    """One request as the log tells it."""

    agent: str
    input: int
    output: int
    usd: str
    asked_s: int
    """Local seconds of the line before the request; `answered_s` of the line after it."""
    answered_s: int


@dataclass(slots=True)
class Log:
    """The requests of a run, in their order."""

    task: str = ""
    start_s: int = 0
    requests: list[Request] = field(default_factory=list)

    @property
    def input(self) -> int:
        return sum(r.input for r in self.requests)

    @property
    def output(self) -> int:
        return sum(r.output for r in self.requests)

    def ahead_of_utc_s(self, start_epoch: float) -> int:
        """Seconds that the log's clock is ahead of UTC: it names no zone, the run's start does."""
        quarters = round((self.start_s - start_epoch) / _QUARTER_S)
        ahead = quarters * _QUARTER_S
        return ahead if abs(ahead) <= _DAY_S else 0


def read_log(lines: Iterable[bytes]) -> Log:
    """The requests that a log names; other lines only date them."""
    log, agent, at = Log(), CONVERSATION, 0
    for raw in lines:
        if not raw[:4].isdigit():
            continue
        line = raw[:300].decode("utf-8", "replace")
        seconds = _seconds(line)
        if seconds is None:
            continue
        log.start_s = log.start_s or seconds
        found = _COST.search(line)
        if found:
            given, made, usd = int(found[1]), int(found[2]), found[3]
            log.requests.append(Request(agent, given, made, usd, at or seconds, seconds))
            agent = CONVERSATION
        elif not log.task and (task := _TASK.search(line)):
            log.task = task[1]
        agent = next((whose for mark, whose in _MARKS if mark in line), agent)
        at = seconds
    return log


def _seconds(line: str) -> int | None:
    found = _STAMP.match(line)
    if not found:
        return None
    try:
        return int(datetime.fromisoformat(found[0]).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None
