"""The nightly digest: scheduled, nobody waits, at the full price; its prompt ends just below the minimum."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator

from samples.log import Record, chat_record
from samples.provider import OpenAi
from samples.words import POLICY, ticket

MODEL = "gpt-4.1-mini"
CALLS = 9


def system_prompt() -> str:
    """About 950 tokens: a little below the 1,024 from which OpenAI caches a prompt."""
    topics = ("wood", "lamps", "parts", "carriers", "refunds", "trade")
    lines = [f"- On {topic}: {POLICY[(i * 5 + n) % len(POLICY)]}"
             for i, topic in enumerate(topics) for n in range(7)]  # fmt: skip
    return (
        "Write the digest of a closed case for the morning meeting, in three lines.\n"
        + "\n".join(lines)
    )


def night(draw: random.Random, provider: OpenAi, start: dt.datetime) -> Iterator[Record]:
    """One run: a case after the other, every half minute."""
    about = {"session_id": f"digest-{start:%Y%m%d}", "tenant": "back-office", "tags": ["cron"],
             "metadata": {"workflow": "digest", "user_segment": "internal"}}  # fmt: skip
    for index in range(CALLS):
        now = start + dt.timedelta(seconds=30 * index)
        case = ticket(draw)
        request = {
            "model": MODEL, "temperature": 0, "max_tokens": 300,
            "messages": [{"role": "system", "content": system_prompt()}, {"role": "user", "content": case}],
        }  # fmt: skip
        mood, number = draw.choice(("calm", "cross", "pleased")), case.splitlines()[0]
        text = f"{number}: a customer wrote, the desk answered.\nOpen: nothing.\nMood: {mood}."
        answer = {"role": "assistant", "content": text}
        usage = provider.usage(now.timestamp(), request, answer)
        yield chat_record(draw, now, "nightly-digest", "digest", request, answer, usage, about)
