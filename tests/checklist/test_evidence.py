"""Deployment files become facts; hostile and broken ones become one sentence with file and reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from costopt.checklist.evidence import Evidence, Kind, Topic
from costopt.errors import InputError
from costopt.wiring.evidence import MAX_BYTES, read_evidence

LITELLM = """
model_list:
  - model_name: fast
    litellm_params: {model: openai/gpt-4o-mini, max_tokens: 300}
litellm_settings:
  cache: true
  cache_params: {type: redis-semantic, similarity_threshold: 0.97, ttl: 600}
  max_budget: 100
agent_list:
  - agent_name: helper
    litellm_params: {max_budget_per_session: 0.4}
"""
RULES = """
groups:
  - name: cost
    rules:
      - record: session:cost_usd:p95
        expr: histogram_quantile(0.95, sum by (le) (rate(llm_session_cost_usd_bucket[1h])))
      - alert: SessionsGetDear
        expr: session:cost_usd:p95 > 0.5
      - alert: SlowFirstToken
        expr: histogram_quantile(0.95, rate(vllm:time_to_first_token_seconds_bucket[5m])) > 2
"""
COMPOSE = """
services:
  llm:
    image: vllm/vllm-openai:v0.11.0
    command: ["--model", "some/model", "--no-enable-prefix-caching"]
"""


def read(tmp_path: Path, name: str, text: str) -> Evidence:
    path = tmp_path / name
    path.write_text(text)
    return read_evidence([path])


def test_litellm(tmp_path: Path) -> None:
    found = read(tmp_path, "config.yaml", LITELLM)
    assert found.of(Kind.LITELLM)
    for topic in (Topic.SEMANTIC_CACHE, Topic.SESSION_BUDGET, Topic.OTHER_BUDGET, Topic.MAX_TOKENS):
        assert found.proof(topic), topic
    place = found.proof(Topic.SESSION_BUDGET)
    assert place is not None
    assert place.source == "config.yaml: agent_list.0.litellm_params.max_budget_per_session"


def test_an_exact_cache_is_no_semantic_one(tmp_path: Path) -> None:
    text = "litellm_settings: {cache: true, cache_params: {type: redis}}\nmodel_list: []\n"
    assert read(tmp_path, "c.yaml", text).denial(Topic.SEMANTIC_CACHE)


def test_prometheus_through_a_recording_rule(tmp_path: Path) -> None:
    found = read(tmp_path, "rules.yml", RULES)
    alerts = [f.text for f in found.facts if f.topic == Topic.P95_ALERT]
    assert alerts == ["alert `SessionsGetDear` looks at the P95 of cost"]


def test_prometheus_in_kubernetes(tmp_path: Path) -> None:
    body = json.dumps({"kind": "PrometheusRule", "spec": {"groups": [{"name": "g", "rules": [
        {"alert": "A", "expr": "quantile(0.95, session_spend_usd) > 1"}]}]}})  # fmt: skip
    assert read(tmp_path, "rule.json", body).proof(Topic.P95_ALERT)


@pytest.mark.parametrize(
    ("command", "holds"),
    [
        ("vllm serve m --enable-prefix-caching", True),
        ("vllm serve m \\\n  --no-enable-prefix-caching", False),
        ("vllm serve m --enable-prefix-caching=False", False),
        ("vllm serve m", None),
        ("python -m sglang.launch_server --model-path m", True),
        ("sglang serve --model-path m --disable-radix-cache", False),
    ],
)
def test_engine_arguments(tmp_path: Path, command: str, holds: bool | None) -> None:
    found = read(tmp_path, "serve.sh", f"#!/bin/sh\n# vllm serve old --flag\n{command}\n")
    assert [f.holds for f in found.facts] == [holds]


def test_compose_and_its_image_version(tmp_path: Path) -> None:
    assert read(tmp_path, "compose.yaml", COMPOSE).denial(Topic.PREFIX_CACHING)
    bare = COMPOSE.replace(', "--no-enable-prefix-caching"', "")
    assert read(tmp_path, "compose.yaml", bare).proof(Topic.PREFIX_CACHING)
    old = bare.replace("v0.11.0", "v0.6.3")
    assert read(tmp_path, "compose.yaml", old).denial(Topic.PREFIX_CACHING)


def test_grafana_panels_also_inside_rows(tmp_path: Path) -> None:
    panel = {"title": "Spend", "type": "timeseries", "targets": [{"expr": "sum(llm_spend_usd)"}]}
    board = {"title": "b", "panels": [{"type": "row", "title": "r", "panels": [panel]}]}
    assert read(tmp_path, "board.json", json.dumps(board)).proof(Topic.COST_PANEL)
    panel["targets"], panel["title"] = [{"expr": "up"}], "Up"
    assert not read(tmp_path, "board.json", json.dumps(board)).proof(Topic.COST_PANEL)


def test_datadog(tmp_path: Path) -> None:
    monitor = {"name": "m", "type": "query alert", "query": "p95:llm.session.cost_usd{*} > 1"}
    assert read(tmp_path, "monitor.json", json.dumps(monitor)).proof(Topic.P95_ALERT)


def test_a_folder_is_searched_and_unknown_files_in_it_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(LITELLM)
    (tmp_path / "b.yaml").write_text("just: words\n")
    assert read_evidence([tmp_path]).kinds == (Kind.LITELLM,)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.yaml", "a: [1, 2", "is no YAML"),
        ("a.yaml", "!!python/object/apply:os.system ['true']", "is no YAML"),
        ("a.json", '{"a": ', "is no JSON"),
        ("a.txt", "hello", "no kind of deployment file"),
        ("a.json", "[" * 100_000, "nested too deeply"),
    ],
)
def test_errors_name_the_file_and_the_reason(
    tmp_path: Path, name: str, text: str, words: str
) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read(tmp_path, name, text)
    assert name in str(caught.value)


def test_too_large_missing_and_binary(tmp_path: Path) -> None:
    (tmp_path / "big.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    for name in ("big.yaml", "binary.yaml", "missing.yaml"):
        with pytest.raises(InputError, match=name):
            read_evidence([tmp_path / name])


def test_a_document_that_repeats_itself_by_aliases_ends(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60)]
    text = "\n".join([*lines, "model_list: *a59", "litellm_settings: {max_budget: *a59}"])
    assert read(tmp_path, "bomb.yaml", text).of(Kind.LITELLM)


def test_such_a_value_is_never_written_out(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60)]
    for key in ("alerting", "max_budget_per_session", "max_tokens", "model_name"):
        entry = f"model_list: [{{{key}: *a59, litellm_params: {{model: *a59}}}}]"
        text = "\n".join([*lines, entry])
        assert read(tmp_path, "bomb.yaml", text).of(Kind.LITELLM)
    text = "\n".join([*lines, "groups: [{name: *a59, rules: [{alert: *a59, expr: *a59}]}]"])
    assert read(tmp_path, "bomb.yaml", text).of(Kind.PROMETHEUS)
