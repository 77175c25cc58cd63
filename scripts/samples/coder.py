"""The coding agent: Claude with cache marks, long files, a file read twice, a loop, a pause."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from typing import Any

from samples.log import Record, careless_price, messages_record
from samples.provider import Anthropic
from samples.words import source_file

MODEL = "claude-sonnet-4-5-20250929"
SYSTEM = (
    "You repair and extend the stock service of a furniture shop. Work in small steps. Read before you"
    " write, run the tests after each change, and stop when they pass. Paths are relative to the root."
)
RULES = (
    "Keep functions short and name units in identifiers.",
    "Money is Decimal; a float never meets a price.",
    "A change of the schema needs a migration with a number of its own.",
    "Tests stand beside the module that they test and read like a list of cases.",
    "Never print customer data; log the case number instead.",
    "Times are UTC inside and local only where a person reads them.",
    "A function that talks to a carrier takes the client as an argument.",
    "Raise the errors of errors.py, with the order number in the message.",
)
_TEXT = {"type": "string"}
TOOLS = [
    {"name": "read_file", "description": "Return a whole file.",
     "input_schema": {"type": "object", "properties": {"path": _TEXT}}},
    {"name": "write_file", "description": "Replace a file.",
     "input_schema": {"type": "object", "properties": {"path": _TEXT, "text": _TEXT}}},
    {"name": "run_tests", "description": "Run the tests and return the report.",
     "input_schema": {"type": "object", "properties": {"path": _TEXT}}},
    {"name": "open_browser", "description": "Open a page in a browser and return what it shows.",
     "input_schema": {"type": "object", "properties": {"url": _TEXT}}},
]  # fmt: skip
TASKS = ("Pallets are counted twice when they are moved at midnight.",
         "Add a limit to the number of labels that one invoice may print.",
         "The refund of a split parcel rounds to the wrong side.",
         "Reserve stock for trade customers before the shop opens.")  # fmt: skip

Step = tuple[str, dict[str, str], str]
"""Tool, arguments, result."""


def system_blocks() -> list[dict[str, Any]]:
    """One stable block, long enough for the cache and marked for it."""
    rules = "\n".join(f"{i}. {rule}" for i, rule in enumerate(RULES * 14, 1))
    text = f"{SYSTEM}\n\nHouse rules, by module:\n{rules}"
    return [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]


def run(
    draw: random.Random, provider: Anthropic, start: dt.datetime, number: int
) -> Iterator[Record]:
    """One task. Run 2 pauses for a coffee longer than the cache lives; run 3 goes round in circles."""
    about = {"session_id": f"fix-{number:03d}", "tenant": "engineering",
             "metadata": {"workflow": "ci", "user_segment": "internal"}}  # fmt: skip
    messages: list[dict[str, Any]] = [_user([{"type": "text", "text": TASKS[number % len(TASKS)]}])]
    steps = _steps(draw, number)
    now = start
    for index, (tool, arguments, result) in enumerate(steps):
        call = {"type": "tool_use", "id": f"toolu_{draw.getrandbits(64):016x}", "name": tool,
                "input": arguments}  # fmt: skip
        content = [{"type": "text", "text": f"I use {tool} on {arguments['path']}."}, call]
        yield _call(draw, provider, now, messages, content, "tool_use", about)
        messages.append({"role": "assistant", "content": content})
        reply = {"type": "tool_result", "tool_use_id": call["id"], "content": result}
        messages.append(_user([reply]))
        pause = 1500 if number == 2 and index == 5 else draw.randint(8, 45)
        now += dt.timedelta(seconds=pause)
    done = [{"type": "text", "text": "The tests pass now. The cause was the order of the checks."}]
    yield _call(draw, provider, now, messages, done, "end_turn", about)


def _user(content: list[dict[str, Any]]) -> dict[str, Any]:
    return {"role": "user", "content": content}


def _call(
    draw: random.Random, provider: Anthropic, now: dt.datetime, messages: list[dict[str, Any]],
    content: list[dict[str, Any]], stop: str, about: dict[str, Any],
) -> Record:  # fmt: skip
    last = messages[-1]
    marked = [*last["content"][:-1], last["content"][-1] | {"cache_control": {"type": "ephemeral"}}]
    request = {
        "model": MODEL, "max_tokens": 2048, "system": system_blocks(), "tools": TOOLS,
        "messages": [*messages[:-1], last | {"content": marked}],
    }  # fmt: skip
    usage = provider.usage(now.timestamp(), request, content)
    record = messages_record(draw, now, "coder", "fix", request, content, stop, usage, about)
    # Whoever wrote this meter forgot that cached input is cheaper.
    record["cost_usd"] = careless_price(usage)
    return record


def _steps(draw: random.Random, number: int) -> list[Step]:
    main, test = source_file(draw, 26), source_file(draw, 8)
    failed = (
        "FAILED tests/test_stock.py::test_limit - AssertionError: Decimal('12.40') != 12.4\n"
        "1 failed, 41 passed"
    )
    steps: list[Step] = [
        ("read_file", {"path": "stock/levels.py"}, main),
        ("read_file", {"path": "tests/test_stock.py"}, test),
        ("run_tests", {"path": "tests"}, failed),
        ("write_file", {"path": "stock/levels.py", "text": source_file(draw, 2)}, "ok"),
        ("run_tests", {"path": "tests"}, failed),
        # The very same file again: it still stands in the context.
        ("read_file", {"path": "stock/levels.py"}, main),
        ("write_file", {"path": "stock/levels.py", "text": source_file(draw, 2)}, "ok"),
    ]
    if number == 3:
        steps += [("run_tests", {"path": "tests"}, failed)] * 6
    return [*steps, ("run_tests", {"path": "tests"}, "42 passed")]
