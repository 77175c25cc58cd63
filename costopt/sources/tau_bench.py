"""tau-bench results: one JSON array, a task's conversation an element; text, and no counts at all.

```json
[{"task_id": 0, "trial": 0, "reward": 1.0, "info": {"source": "user", "user_cost": 0.0035, "task": {}},
  "traj": [{"role": "system", "content": "..."}, {"role": "assistant", "content": null, "tool_calls": []}]}]
```

* Each assistant message is a call of the agent, its usage missing (to be estimated from its text): never $0.
* The simulated user is a second model whose prompt is not logged: one row a conversation stands for its
  requests, with the cost that the run recorded for it (`user_cost`).
* Models come from the file's name: `tool-calling-gpt-4o-0.0_range_0-50_user-gpt-4o-llm_0101.json`, or
  `gpt-4o-airline.json`. Tool schemas and times are not in the log.
* `metadata.reward`, `metadata.trial`, `metadata.domain` can be asked for; `task` is the task's number.

Fields: `tau_bench/types.py`, `tau_bench/run.py`
(https://github.com/sierra-research/tau-bench, checked 2026-11-24).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from costopt.model.call import Call, Record, Rejected, Skipped, missing_usage
from costopt.sources._heads import head_records
from costopt.sources._runs import History, fingerprint, models_in, stem, text_metadata
from costopt.sources.base import Confidence, Head, SourceFile
from costopt.sources.bodies.amounts import money_text
from costopt.sources.bodies.build import shown
from costopt.sources.bodies.openai_chat import maker
from costopt.sources.bodies.parts import mapping, number, text
from costopt.sources.lines import records, rejected

AGENT, USER = "agent", "user_simulator"
SIMULATOR = "all requests of the simulated user in one row: only their cost is logged"
_FULL_NAME = re.compile(
    r"(?:tool-calling|act|react|few-shot)-(?P<model>.+?)-\d+(?:\.\d+)?_range_.*?_user-(?P<user>.+?)-"
    r"(?:llm|react|verify|reflection|human)(?:_.*)?"
)
_SHORT_NAME = re.compile(r"(?P<model>.+?)-(?:airline|retail)(?:-.*)?")
_DOMAINS = ("airline", "retail")
# Observations of the text-only agents come back in a user message.
_NO_USER = ("API output:",)


class TauBench:
    """Result files of tau-bench."""

    name = "tau-bench"
    title = "tau-bench results"

    def sniff(self, head: Head) -> tuple[Confidence, str]:
        """By a task's number, reward and trajectory."""
        for record in head_records(head):
            record = mapping(record)
            if isinstance(record.get("traj"), list) and "task_id" in record:
                return Confidence.SURE, "task_id beside traj"
            if "reward" in record and "task_id" in record and "task" in mapping(record.get("info")):
                return Confidence.LIKELY, "task_id, reward and info.task"
        return Confidence.NO, "no task_id beside traj"

    def read(self, file: SourceFile) -> Iterator[Record]:
        """The agent's calls of each conversation, then its simulated user."""
        place = 0
        with file.open() as stream:
            for line, value in records(stream):
                if isinstance(value, Rejected):
                    yield value
                elif not isinstance(mapping(value).get("traj"), list):
                    yield rejected(line, "no traj", value)
                else:
                    yield from _Conversation(value, file, place).records()
                    place += len(value["traj"]) + 1


class _Conversation:
    """One task solved once."""

    def __init__(self, value: dict[str, Any], file: SourceFile, place: int) -> None:
        self.messages: list[Any] = value["traj"]
        self.place = place
        """Messages of the file before this conversation: without times they order the calls."""
        self.info = mapping(value.get("info"))
        self.model, self.user_model = models_of(file.name)
        self.task, trial = text(value.get("task_id")), text(value.get("trial"))
        # Trials of one task differ in their first answer at the latest.
        said = fingerprint(self.messages)
        self.session = f"task {self.task}.{trial or 0}#{said}"
        self.metadata = text_metadata(
            reward=number(value.get("reward")), trial=trial or None, domain=_domain(file.name)
        )

    def records(self) -> Iterator[Record]:
        history, asked = History(), 0
        for index, message in enumerate(self.messages):
            history.add(message)
            role, place = text(mapping(message).get("role")), self.place + index + 1
            if role == "assistant":
                call = self._call(place, AGENT, self.model)
                call.request = shown(history.before(index))
                call.response = shown(history.message(index))
                yield call
            else:
                asked += role == "user" and not _is_observation(message)
                yield Skipped(place, role or "message")
        if asked and "user_cost" in self.info:
            yield self._simulator(asked)

    def _call(self, place: int, agent: str, model: str) -> Call:
        key = f"{self.session}|{place - self.place}"
        # Of two copies the one whose name tells the model wins.
        return Call(
            key, missing_usage(), place, key, version_us=1 if model else None,
            session_id=self.session, provider=maker(model), model=model, agent=agent,
            task=self.task, metadata=self.metadata,
        )  # fmt: skip

    def _simulator(self, asked: int) -> Call:
        call = self._call(self.place + len(self.messages) + 1, USER, self.user_model)
        call.requests, call.note = asked, SIMULATOR
        if self.info["user_cost"]:  # 0: LiteLLM had no price for it, or a script spoke
            call.recorded_usd = money_text(self.info["user_cost"])
        return call


def _is_observation(message: Any) -> bool:
    return text(mapping(message).get("content")).startswith(_NO_USER)


def models_of(name: str) -> tuple[str, str]:
    """The agent's model and the simulated user's, as the file's name tells them; empty: it does not."""
    base = stem(name)
    full = _FULL_NAME.fullmatch(base)
    if full:
        return full["model"].rpartition("/")[2], full["user"].rpartition("/")[2]
    short = _SHORT_NAME.fullmatch(base)
    found = models_in(short["model"] if short else base)
    return (found[0] if found else ""), ""


def _domain(name: str) -> str:
    return next((domain for domain in _DOMAINS if domain in name), "")


SOURCE = TauBench()
