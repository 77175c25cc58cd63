"""A small agent that really talks to a model server and keeps a log of it: what replays are judged on.

It looks up documents (a tool's results, long ones among them) and answers a customer, step after step;
every answer is the server's own and goes into the next request. What it asks is drawn from a seed.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODEL = "tiny"
PRICES = f"models:\n  {MODEL}: {{input: 2.50, output: 10.00}}\n"
SYSTEM = "You are the desk of a lamp shop. Read what the tools return, then answer in one sentence."
_VOCABULARY = (
    "order lamp shade switch cable refund parcel carrier invoice stock store glass brass wall floor "
    "broken late missing delivered returned paid open closed today monday number colour size light "
    "customer address street city note call mail price offer spare part repair guarantee month year"
)
_WORDS = _VOCABULARY.split()
_ASKS = ("Where is my order?", "Can I send it back?", "The shade is broken.", "What does it cost?",
         "Is it in stock?", "Which cable fits?")  # fmt: skip


@dataclass(frozen=True)
class World:
    """Sizes of a log; tokens are about words times 1.9 for the tiny model."""

    sessions: int = 24
    most_steps: int = 4
    most_words: int = 90
    cap_tokens: int = 8


def write_log(
    url: str, path: Path, seed: int, world: World | None = None, *, served: str = MODEL
) -> int:
    """Run the agent against the server at `url` and keep its calls as `costopt-jsonl`; their number.

    `served`: the server's name for the model; the log says `tiny`, as a gateway's alias would.
    """
    import openai

    world, draw = world or World(), random.Random(seed)
    client = openai.OpenAI(base_url=url + "/v1", api_key="none", max_retries=0)
    lines = [
        line
        for session in range(world.sessions)
        for line in _session(client, draw, session, world, f"{seed}", served)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return len(lines)


def _session(
    client: Any, draw: random.Random, session: int, world: World, seed: str, served: str
) -> list[dict[str, Any]]:
    messages = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": f"{draw.choice(_ASKS)} {_text(draw, draw.randint(3, 20))}"},
    ]
    lines = []
    for step in range(draw.randint(1, world.most_steps)):
        request = {
            "model": MODEL, "messages": [dict(m) for m in messages], "temperature": 0,
            "max_tokens": world.cap_tokens,
        }  # fmt: skip
        answer = client.chat.completions.create(**{**request, "model": served}).model_dump()
        answer["model"] = MODEL
        minute = session * 7 + step
        lines.append({
            "id": f"{seed}-{session}-{step}", "session_id": f"{seed}-{session}", "agent": "desk",
            "timestamp": f"2026-10-{1 + minute // 1440:02}T{minute // 60 % 24:02}:{minute % 60:02}:00Z",
            "provider": "acme", "request": request, "response": answer,
        })  # fmt: skip
        said = answer["choices"][0]["message"]["content"] or "-"
        call = f"call_{session}_{step}"
        name = draw.choice(("lookup", "stock"))
        asked = {"id": call, "type": "function",
                 "function": {"name": name, "arguments": json.dumps({"q": _text(draw, 2)})}}  # fmt: skip
        messages += [
            {"role": "assistant", "content": said, "tool_calls": [asked]},
            {"role": "tool", "tool_call_id": call, "content": _document(draw, world)},
        ]
    return lines


def _document(draw: random.Random, world: World) -> str:
    """Mostly short, some long: what a tool returns."""
    return _text(draw, min(world.most_words, int(draw.paretovariate(0.9) * 12)))


def _text(draw: random.Random, words: int) -> str:
    return " ".join(draw.choice(_WORDS) for _ in range(words))
