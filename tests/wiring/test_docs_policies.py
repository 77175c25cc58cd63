"""Every policy that the documentation shows is read, described by the schema, and run on the sample."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from costopt.billing.context import AuditContext
from costopt.engine.outcome import InProcess
from costopt.layers.discover import layer_names
from costopt.wiring.auditing import audit_context, price_book
from costopt.wiring.policy.lined import lined
from costopt.wiring.policy.load import parse_policy
from costopt.wiring.policy.schema import policy_schema
from costopt.wiring.reading import Reading, read
from costopt.wiring.request import TraceOptions
from costopt.wiring.simulating import builder_of, evaluator_of

ROOT = Path(__file__).parent.parent.parent
BLOCK = re.compile(r"```yaml\n(version: 1\n.*?)```", re.DOTALL)
OPTIONS = TraceOptions(traces=[str(ROOT / "sample_traces/traces.jsonl")], no_store=True, quiet=True)


def examples() -> list[tuple[str, str]]:
    sample_policy = ROOT / "sample_traces/policy.yaml"
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [
        (f"{page.name}:{number}", text)
        for page in pages
        for number, text in enumerate(BLOCK.findall(page.read_text()), 1)
    ] + [("sample_traces/policy.yaml", sample_policy.read_text())] * (
        "prompt_layout" in layer_names()
    )


@cache
def sample() -> tuple[Reading, AuditContext]:
    reading = read(OPTIONS)
    return reading, audit_context(OPTIONS, reading, price_book(OPTIONS))


def test_there_are_examples() -> None:
    assert len(examples()) >= 3


@pytest.mark.parametrize(("name", "text"), examples(), ids=lambda v: v.partition("\n")[0])
def test_an_example_runs(name: str, text: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    policy = parse_policy(text, name)
    jsonschema.validate(lined(text, name).value, policy_schema())
    reading, context = sample()
    evaluator = evaluator_of(context, policy, builder_of(OPTIONS, reading))
    base, under = InProcess(evaluator).outcomes([(), policy.layers])
    assert base.total_pusd > 0
    assert under.total_pusd > 0
