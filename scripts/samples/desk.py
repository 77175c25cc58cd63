"""The support desk: triage, then a conversation with look-ups. What is wasted is written beside it."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Iterator
from typing import Any

from samples.log import Record, chat_record, openai_price
from samples.provider import OpenAi
from samples.words import ANSWERS, FOLLOW_UPS, QUESTIONS, article, filled, rules

SUPPORT_MODEL = "gpt-4.1"
LABELS = ("delivery", "damage", "address", "payment", "parts", "warranty")


def _tool(name: str, about: str, **fields: str) -> dict[str, Any]:
    properties = {n: {"type": "string", "description": d} for n, d in fields.items()}
    parameters = {"type": "object", "properties": properties, "required": list(fields)[:1]}
    return {
        "type": "function",
        "function": {"name": name, "description": about, "parameters": parameters},
    }


# Only the first two are ever called: the others are paid for on every call.
TOOLS = [
    _tool("lookup_order", "Find an order by its number.", order="Five digits."),
    _tool("search_articles", "Search the knowledge base and return whole articles.",
          query="Words to look for.", language="Two letters."),
    _tool("book_collection", "Book a collection of a parcel by a carrier at the customer's address.",
          order="Five digits.", day="ISO date.", window="morning, noon, afternoon or evening.",
          floor="Floor of the flat.", lift="yes or no."),
    _tool("issue_credit", "Give credit to a customer's account, in euros, with a reason for the books.",
          order="Five digits.", amount="Decimal euros.", reason="One sentence.", approver="Initials."),
    _tool("translate_reply", "Translate a reply into another language before it is sent.",
          text="The reply.", language="Two letters.", tone="formal or friendly."),
    _tool("schedule_call", "Let a colleague call the customer back within opening hours.",
          number="With country code.", when="ISO time.", topic="A few words."),
]  # fmt: skip


def system_prompt(now: dt.datetime) -> str:
    """The clock on the first line makes every prompt new from its first token on."""
    clock = now.strftime("%Y-%m-%d %H:%M:%S")
    place = "You work at the support desk of Nordhem, a furniture shop."
    return f"Current time: {clock} UTC\n{place}\n\n{rules(5)}"


def conversation(
    draw: random.Random, provider: OpenAi, start: dt.datetime, number: int
) -> Iterator[Record]:
    """One customer: a label, a look-up, an answer, and perhaps a second question with an article."""
    session, order = f"desk-{number:03d}", str(draw.randint(70_000, 79_999))
    question = filled(draw, draw.choice(QUESTIONS), order=order)
    tenant = draw.choice(("shop-nl", "shop-de", "shop-fi"))
    about = {
        "session_id": session,
        "tenant": tenant,
        "metadata": {"workflow": "chat", "user_segment": "free"},
    }
    now = start
    yield _triage(draw, provider, now, question, about)
    now += dt.timedelta(seconds=3)
    messages: list[dict[str, Any]] = [{"role": "user", "content": question}]
    yield _turn(draw, provider, now, messages, about, calls=[("lookup_order", {"order": order})])
    _result(messages, _order_record(draw, order))
    now += dt.timedelta(seconds=draw.randint(4, 9))
    yield _turn(
        draw, provider, now, messages, about, text=filled(draw, draw.choice(ANSWERS), order=order)
    )
    for _ in range(draw.choice((0, 1, 1, 2))):
        now += dt.timedelta(seconds=draw.randint(40, 400))
        messages.append({"role": "user", "content": filled(draw, draw.choice(FOLLOW_UPS))})
        query = {"query": draw.choice(("collection", "warranty", "refund")), "language": "en"}
        yield _turn(draw, provider, now, messages, about, calls=[("search_articles", query)])
        _result(messages, article(draw, draw.randint(40, 90)))
        now += dt.timedelta(seconds=draw.randint(4, 9))
        yield _turn(
            draw,
            provider,
            now,
            messages,
            about,
            text=filled(draw, draw.choice(ANSWERS), order=order),
        )


def _triage(
    draw: random.Random, provider: OpenAi, now: dt.datetime, question: str, about: dict[str, Any]
) -> Record:
    """One word out of a dear model: simple work that a small one does as well."""
    labels = ", ".join(LABELS)
    system = f"Sort the message into exactly one of: {labels}. Answer with that word alone."
    request = {
        "model": SUPPORT_MODEL, "temperature": 0, "max_tokens": 1024,
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": question}],
    }  # fmt: skip
    answer = {"role": "assistant", "content": draw.choice(LABELS)}
    usage = provider.usage(now.timestamp(), request, answer)
    return chat_record(draw, now, "triage", "classify", request, answer, usage, about)


def _turn(
    draw: random.Random, provider: OpenAi, now: dt.datetime, messages: list[dict[str, Any]],
    about: dict[str, Any], *, text: str = "", calls: list[tuple[str, dict[str, str]]] | None = None,
) -> Record:  # fmt: skip
    system = {"role": "system", "content": system_prompt(now)}
    request = {
        "model": SUPPORT_MODEL, "temperature": 0.2, "max_tokens": 4096, "tools": TOOLS,
        "messages": [system, *messages],
    }  # fmt: skip
    answer: dict[str, Any] = {"role": "assistant", "content": text or None}
    if calls:
        answer["tool_calls"] = [
            {"id": f"call_{draw.getrandbits(48):012x}", "type": "function",
             "function": {"name": name, "arguments": json.dumps(arguments)}}
            for name, arguments in calls
        ]  # fmt: skip
    usage = provider.usage(now.timestamp(), request, answer)
    record = chat_record(draw, now, "support", "answer", request, answer, usage, about)
    record["cost_usd"] = openai_price(SUPPORT_MODEL, usage)
    messages.append(answer)
    return record


def _result(messages: list[dict[str, Any]], text: str) -> None:
    call_id = messages[-1]["tool_calls"][0]["id"]
    messages.append({"role": "tool", "tool_call_id": call_id, "content": text})


def _order_record(draw: random.Random, order: str) -> str:
    lines = [{"article": draw.randint(1000, 9999), "name": filled(draw, "{product}"), "pieces": 1,
              "state": draw.choice(("packed", "shipped", "delivered"))} for _ in range(3)]  # fmt: skip
    return json.dumps({"order": order, "carrier": filled(draw, "{carrier}"), "lines": lines})
