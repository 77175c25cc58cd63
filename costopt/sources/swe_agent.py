"""SWE-agent trajectories: one `.traj` a run; text for every step, counts for the run as a whole.

```json
{"trajectory": [{"action": "ls", "response": "I look.", "query": []}], "history": [{"role": "system"}],
 "info": {"model_stats": {"instance_cost": 0.03, "tokens_sent": 9000, "tokens_received": 270,
                          "api_calls": 3}}}
```

* One call a step. `tokens_sent`, `tokens_received` and `instance_cost` are the run's: each call carries the
  share that its text has of the run's, exact in sum. So a call's counts are estimates, and say so (`note`);
  without the run's counts they are missing, to be estimated from text. What the run recorded stands beside:
  `metadata.run_tokens_sent`, `run_tokens_received`, `run_api_calls`, `run_cost_usd`.
* `total_cost` runs on over many instances, and is not read.
* `api_calls` above the steps are retries whose text is not kept: one more row stands for them, each as long
  as the mean step. Steps above `api_calls` are the agent's own exit, and no calls.
* A step's request is its `query`. Logs of 2024 have none: it is the history before the step, in full or with
  all but the last five observations cut (the agent's setting is not logged), whichever fits `tokens_sent`.
* The model is in `replay_config`, else in a config beside the file, else in the names of its folders.
* There are no times.

Fields: `sweagent/types.py`, `sweagent/agent/models.py`, `history_processors.py`
(https://github.com/SWE-agent/SWE-agent, 0.6 to main, checked 2026-11-24).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from costopt.model.call import (
    Call,
    Record,
    Rejected,
    Segment,
    Skipped,
    Usage,
    UsageState,
    missing_usage,
)
from costopt.model.usage import Counts, inside
from costopt.sources._heads import head_records
from costopt.sources._runs import (
    History,
    fingerprint,
    models_in,
    shares,
    size_of,
    stem,
    text_metadata,
    usd_shares,
    weights,
)
from costopt.sources.base import Confidence, Head, SourceFile
from costopt.sources.bodies.amounts import money_text
from costopt.sources.bodies.build import body_of, shown
from costopt.sources.bodies.openai_chat import maker
from costopt.sources.bodies.parts import items, mapping, text, whole
from costopt.sources.lines import records, rejected

SHARE = "counts and cost: this call's share of its run's, by text"
RETRIES = "retries of this run: counted by it, their text not kept"
# Characters a token of English and code takes, about: tells a cut history from a full one.
CHARS_PER_TOKEN = 4.0
LAST_OBSERVATIONS = 5

# What SWE-agent's --model_name calls its models (sweagent/agent/models.py, 0.7, read 2026-11-24).
SHORT_NAMES = {
    "gpt3": "gpt-3.5-turbo-1106", "gpt4": "gpt-4-1106-preview", "gpt4-legacy": "gpt-4-0613",
    "gpt4-0125": "gpt-4-0125-preview", "gpt4-turbo": "gpt-4-turbo-2024-04-09",
    "gpt4o": "gpt-4o-2024-05-13", "claude-opus": "claude-3-opus-20240229",
    "claude-sonnet": "claude-3-sonnet-20240229", "claude-haiku": "claude-3-haiku-20240307",
    "claude-sonnet-3.5": "claude-3-5-sonnet-20240620",
}  # fmt: skip


class SweAgent:
    """Trajectories of SWE-agent."""

    name = "swe-agent"
    title = "SWE-agent trajectory"

    def sniff(self, head: Head) -> tuple[Confidence, str]:
        """By a trajectory of actions and observations."""
        for record in head_records(head):
            record = mapping(record)
            steps = items(record.get("trajectory"))
            first = mapping(steps[0]) if steps else {}
            if "action" in first and ("observation" in first or "response" in first):
                return Confidence.SURE, "trajectory with actions and observations"
            if "model_stats" in mapping(record.get("info")) and "history" in record:
                return Confidence.LIKELY, "info.model_stats beside a history"
        if b'"trajectory"' in head.data[:4096] and b'"action"' in head.data:
            return Confidence.LIKELY, "names a trajectory and actions"
        return Confidence.NO, "no trajectory with actions and observations"

    def read(self, file: SourceFile) -> Iterator[Record]:
        """One call a step."""
        with file.open() as stream:
            for line, value in records(stream):
                if isinstance(value, Rejected):
                    yield value
                elif not isinstance(mapping(value).get("trajectory"), list):
                    yield rejected(line, "no trajectory", value)
                else:
                    yield from _Run(value, file).records()


class _Run:
    """One trajectory: its calls, and the totals it recorded."""

    def __init__(self, value: dict[str, Any], file: SourceFile) -> None:
        self.steps = [mapping(s) for s in value["trajectory"]]
        self.messages = [mapping(m) for m in items(value.get("history"))]
        self.answers = [i for i, m in enumerate(self.messages) if _is_answer(m)]
        self.info = mapping(value.get("info"))
        stats = mapping(self.info.get("model_stats"))
        self.api_calls = whole(stats.get("api_calls")) or 0
        self.sent = whole(stats.get("tokens_sent")) or 0
        self.received = whole(stats.get("tokens_received")) or 0
        self.cost = money_text(stats.get("instance_cost")) if stats.get("instance_cost") else None
        self.model = model_of(value, file)
        self.task = stem(file.name)
        said = [text(s.get("response")) for s in self.steps]
        self.session = f"{self.task}#{fingerprint(stats, said)}"
        self.metadata = text_metadata(
            exit_status=text(self.info.get("exit_status")),
            swe_agent_version=text(self.info.get("swe_agent_version")),
            run_tokens_sent=self.sent or None,
            run_tokens_received=self.received or None,
            run_api_calls=self.api_calls or None,
            run_cost_usd=self.cost,
        )

    def records(self) -> Iterator[Record]:
        """The calls, then what else the run counted or wrote."""
        requests = self._requests()
        made = min(len(self.steps), self.api_calls or len(self.steps))
        retries = max(0, self.api_calls - made)
        answers = [self._answer(i) for i in range(made)]
        given, said = weights(requests[:made], retries), weights(answers, retries)
        usages = self._usages(given, said)
        costs = usd_shares(self.cost, [a + b for a, b in zip(given, said, strict=True)])
        for i in range(made):
            call = self._call(i + 1, requests[i], answers[i])
            call.usage, call.recorded_usd = usages[i], costs[i]
            call.note = SHARE if self.cost or self.sent else ""
            yield call
        for i in range(made, len(self.steps)):
            yield Skipped(i + 1, "step without a model call")
        if retries:
            call = self._call(made + 1, None, None)
            call.usage, call.recorded_usd = usages[made], costs[made]
            call.requests, call.note = retries, RETRIES
            yield call

    def _usages(self, given: list[int], said: list[int]) -> list[Usage]:
        """The run's counts laid on its calls; missing where it has none."""
        if not self.sent:
            return [missing_usage() for _ in given]
        counts = zip(shares(self.sent, given), shares(self.received, said), strict=True)
        usages = [inside(Counts(input=i, output=o)) for i, o in counts]
        for usage in usages:
            usage.state = UsageState.ESTIMATED
        return usages

    def _call(
        self, place: int, request: list[Segment] | None, answer: list[Segment] | None
    ) -> Call:
        key = f"{self.session}|{place}"
        # Of two copies the one whose place tells the model wins.
        return Call(
            key, missing_usage(), place, key, version_us=1 if self.model else None,
            session_id=self.session, provider=maker(self.model), model=self.model, task=self.task,
            agent="swe-agent", metadata=self.metadata, request=shown(request), response=shown(answer),
        )  # fmt: skip

    def _answer(self, index: int) -> list[Segment]:
        step, answer = self.steps[index], History()
        said = {"role": "assistant", "content": step.get("response") or step.get("thought")}
        if len(self.answers) >= len(self.steps):
            said["tool_calls"] = self.messages[self.answers[index]].get("tool_calls")
        answer.add(said)
        return answer.blocks

    def _requests(self) -> list[list[Segment] | None]:
        """What each step sent; None where the log does not say."""
        if any(isinstance(s.get("query"), list) for s in self.steps):
            return _queries(self.steps)
        if len(self.answers) < len(self.steps):
            return [None] * len(self.steps)
        return self._from_history(self.answers[: len(self.steps)])

    def _from_history(self, answers: list[int]) -> list[list[Segment] | None]:
        history, short = History(), History()
        for message in self.messages:
            history.add(message)
            short.add(_cut(message) if _is_observation(message) else message)
        full: list[list[Segment] | None] = [history.before(i) for i in answers]
        observed = [i for i, m in enumerate(self.messages) if _is_observation(m)][1:]
        cut = [_last_five(history, short, i, observed) for i in answers]
        return cut if self.sent and self._fits(cut) < self._fits(full) else full

    def _fits(self, requests: list[list[Segment] | None]) -> float:
        sent = sum(size_of(r or ()) for r in requests)
        return abs(sent / self.sent - CHARS_PER_TOKEN)


def _is_answer(message: Any) -> bool:
    return message.get("role") == "assistant" and not message.get("is_demo")


def _is_observation(message: Any) -> bool:
    """Of these the first is the task; it is never cut."""
    return message.get("role") == "user" and not message.get("is_demo")


def _cut(message: Any) -> dict[str, Any]:
    lines = len(text(message.get("content")).splitlines())
    return {"role": "user", "content": f"Old output omitted ({lines} lines)"}


def _last_five(
    history: History, short: History, answer: int, observed: list[int]
) -> list[Segment] | None:
    """The history before an answer with all but the last observations cut."""
    old = {i for i in observed if i < answer}
    old -= set(sorted(old)[-LAST_OBSERVATIONS:])
    out: list[Segment] = []
    for i in range(answer):
        out += short.message(i) if i in old else history.message(i)
    return out


def _queries(steps: list[Any]) -> list[list[Segment] | None]:
    """The messages that each step logged; equal ones become the same blocks."""
    seen: dict[str, list[Segment]] = {}
    found: list[list[Segment] | None] = []
    for step in steps:
        said = step.get("query")
        if not isinstance(said, list) or not said:
            found.append(None)
            continue
        blocks: list[Segment] = []
        for message in said:
            key = repr(message)
            if key not in seen:
                one = History()
                one.add(message)
                seen[key] = one.blocks
            blocks += seen[key]
        found.append(blocks)
    return found


def model_of(value: Any, file: SourceFile) -> str:
    """The run's model, by the most certain of the places that may name it; empty: none does."""
    replay = mapping(body_of(value.get("replay_config")))
    agent = mapping(replay.get("agent"))
    told = text(mapping(agent.get("model")).get("name"))
    told = told or text(mapping(agent.get("model")).get("model_name"))
    if not told and file.path is not None:
        told = _beside(file.path)
    told = told or _in_folders(file.name)
    return SHORT_NAMES.get(told, told)


def _in_folders(name: str) -> str:
    """`trajectories/USER/MODEL__DATA__CONFIG/...`, or a folder that bears a model's full name."""
    folders = name.replace("\\", "/").rpartition("/")[0]
    full = models_in(folders)
    short = [part for part in re.split(r"/|__", folders) if part in SHORT_NAMES]
    return short[-1] if short else full[0] if full else ""


_NAMED = re.compile(rb"^\s*(?:model_name|name):\s*['\"]?([\w./:@-]+)", re.MULTILINE)
_CONFIG_BYTES = 1 << 20


def _beside(path: Path) -> str:
    """The model that a run's own config names: `<run>.config.yaml`, or `args.yaml` of its folder."""
    for config in (path.with_name(f"{stem(path.name)}.config.yaml"), path.with_name("args.yaml")):
        try:
            with config.open("rb") as stream:
                data = stream.read(_CONFIG_BYTES)
        except OSError:
            continue
        start = data.find(b"model:")
        found = _NAMED.search(data, max(0, start))
        if found:
            return found[1].decode("utf-8", "replace")
    return ""


SOURCE = SweAgent()
