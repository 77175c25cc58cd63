"""`policy.yaml`: what it may say, what is said of a wrong one, and its way there and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costopt.engine.policy import Policy
from costopt.errors import UsageError
from costopt.layers.discover import layer_class, layer_names
from costopt.wiring.layer_page import layer_markdown, layer_page, settings_of
from costopt.wiring.policy.lined import MAX_BYTES
from costopt.wiring.policy.load import load_policy, parse_policy
from costopt.wiring.policy.problems import PolicyError, problem_lines
from costopt.wiring.policy.schema import policy_schema
from costopt.wiring.policy.settings import layer_of
from costopt.wiring.policy.write import policy_yaml

GOOD = """\
version: 1
name: a first try
fields: {tenant: tenant, workflow: metadata.flow}
layers:
  - trim_tools: {max_tokens: 600, match: {agent: [nightly-*], tags: prod}}
  - trim_tools
  - trim_tools:
      max_tokens: 400
      keep: head
replay: {base_url: "http://127.0.0.1:8000/v1", api_key_env: KEY, budget_usd: 20.00, model_map: {a: b/c}}
"""


def complaints(text: str) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        parse_policy(text)
    return problem_lines(caught.value)


def test_a_policy_is_read_in_its_order() -> None:
    policy = parse_policy(GOOD)
    assert policy.name == "a first try"
    assert policy.fields == {"tenant": "tenant", "workflow": "metadata.flow"}
    assert [getattr(layer, "max_tokens") for layer in policy.layers] == [600, 200, 400]  # noqa: B009
    assert getattr(policy.layers[0], "match") == (  # noqa: B009
        ("agent", ("nightly-*",)), ("tags", ("prod",)),
    )  # fmt: skip
    assert str(policy.replay["budget_usd"]) == "20"
    assert policy.lines[2, "trim_tools", "keep"] == 9
    assert parse_policy("version: 1\nlayers: []\n").layers == ()


def test_what_is_written_reads_back_as_the_same() -> None:
    policy = parse_policy(GOOD)
    text = policy_yaml(policy, top=["why"], above={1: ["F1 \x1b[31mred"]}, below=["end"])
    again = parse_policy(text)
    assert (again.layers, again.fields, again.replay) == (
        policy.layers, policy.fields, policy.replay,
    )  # fmt: skip
    assert "\x1b" not in text
    assert "match: {agent: [nightly-*], tags: [prod]}" in text


@pytest.mark.parametrize("name", layer_names())
def test_every_layer_is_written_described_and_paged(name: str) -> None:
    made = layer_of(name, {})
    if not isinstance(made, list):  # a layer may need a setting
        policy = Policy((made,))
        assert parse_policy(policy_yaml(policy)).layers == policy.layers
    for row in settings_of(layer_class(name)):
        assert row.doc, f"{name}.{row.name}: say what the setting does in a string under it"
        assert row.name in layer_page(name)
        assert f"`{row.name}`" in layer_markdown(name)


def test_the_schema_says_what_the_reader_says() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    from costopt.wiring.policy.lined import lined

    schema = policy_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(lined(GOOD, "p").value, schema)
    for bad in (
        "layers: []", "version: 2\nlayers: []", "version: 1\nlayers: [nothing]",
        "version: 1\nlayers: [trim_tools: {max_token: 3}]",
        "version: 1\nlayers: [trim_tools: {max_tokens: x}]",
        "version: 1\nlayers: []\nreplay: {budget: 3}", "version: 1\nlayers: []\nfields: {agnt: x}",
    ):  # fmt: skip
        assert complaints(bad)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(lined(bad, "p").value, schema)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("layers: []", "policy.yaml:1  says no `version`."),
        ("version: 2\nlayers: []", "policy.yaml:1  version 2 is not known."),
        ("version: true\nlayers: []", "policy.yaml:1  version True is not known."),
        ("version: 1", "policy.yaml:1  says no `layers`."),
        ("version: 1\nlayers: 3", "policy.yaml:2  `layers` must be a list."),
        ("[1]", "policy.yaml:1  must be a mapping with `version:` and `layers:`."),
        ("", "policy.yaml:1  must be a mapping with `version:` and `layers:`."),
        ("version: 1\nlayers: []\nlayer: []", "policy.yaml:3  a policy has no section `layer`."),
        ("version: 1\nlayers:\n- trim_tool: {}", "policy.yaml:3  there is no layer `trim_tool`."),
        ("version: 1\nlayers:\n- {a: 1, b: 2}", "policy.yaml:3  every item of `layers` is one"),
        ("version: 1\nlayers:\n- trim_tools: 3", "policy.yaml:3  the settings of layer"),
        (
            "version: 1\nlayers:\n- trim_tools:\n    max_tokens: 9\n    hed_share: 1",
            "policy.yaml:5  layer `trim_tools` has no setting `hed_share`.",
        ),
        ("version: 1\nlayers:\n- trim_tools: {max_tokens: '8'}", "valid integer (it says \"8\")"),
        ("version: 1\nlayers:\n- trim_tools: {max_tokens: true}", "valid integer (it says true)"),
        ("version: 1\nlayers:\n- window: {turns: 99999999999999999999}", "`turns`: more than 1,000,000"),
        ("version: 1\nlayers:\n- trim_tools: {keep: tail}", "policy.yaml:3  layer `trim_tools`: `keep`:"),
        ("version: 1\nlayers:\n- trim_tools: {match: [a]}", "`match`"),
        ("version: 1\nlayers: []\nfields: {agent: 3}", "policy.yaml:3  `agent` must name"),
        ("version: 1\nlayers: []\nreplay:\n  base_url: ftp://x", "policy.yaml:4  `replay`: `base_url`"),
        ("version: 1\nlayers: []\nreplay: {base_url: 'http://u:p@x/v1'}", "no secret belongs"),
        ("version: 1\nversion: 1\nlayers: []", "policy.yaml:2  `version` stands twice."),
    ],
)  # fmt: skip
def test_a_wrong_policy_is_told_with_its_line(text: str, said: str) -> None:
    assert any(said in line for line in complaints(text)), complaints(text)


def test_the_nearest_name_and_the_next_command_stand_in_the_hint() -> None:
    (line,) = complaints("version: 1\nlayers:\n- trim_tools: {max_token: 9}")
    assert "Did you mean `max_tokens`?  All settings: costopt explain trim_tools" in line
    (line,) = complaints("version: 1\nlayers:\n- trim_toolz")
    assert "Did you mean `trim_tools`?" in line


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("version: 3\nlayers:\n- nothing\n- trim_tools: {a: 1, b: 2}\n")
    with pytest.raises(UsageError) as caught:
        load_policy(path)
    assert caught.value.exit_code == 2
    assert str(caught.value).startswith(f"{path}:1  version 3 is not known.")
    assert f"3 more problems: costopt policy check {path}" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system ['true']",
        "version: 1\nlayers: &a [*a]",
        "a: &a [x]\nb: [*a, *a]",
        "[" * 500 + "]" * 500,
        "{" * 500,
        "version: 1\nlayers: []\n---\nversion: 1\n",
        "a: 1e999",
        "a: \x00",
        "a: [1, 2",
        "\tversion: 1",
        "? [a, b]\n: 1",
        "version: 1\nlayers:\n- trim_tools: {keep: \"\\ud800\"}",
        "version: 1\nlayers: [" + "trim_tools, " * 200 + "]",
        "version: 1\nlayers: [trim_tools: {max_tokens: " + "9" * 5000 + "}]",
    ],
)  # fmt: skip
def test_a_hostile_file_is_a_sentence(text: str) -> None:
    assert all(line.startswith("policy.yaml:") for line in complaints(text))


def test_a_result_names_the_file_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "p.yaml"
    path.write_text("version: 1\nlayers: []\n")
    assert (load_policy(path).name, load_policy(path).file) == ("p.yaml", str(path))
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert load_policy(path).name == "p.yaml"
    path.write_text("version: 1\nname: mine\nlayers: []\n")
    assert (load_policy(path).name, load_policy(path).file) == ("mine", str(path))


def test_a_file_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (MAX_BYTES + 1))
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (large, binary, tmp_path, tmp_path / "missing.yaml"):
        with pytest.raises(UsageError, match=str(path)):
            load_policy(path)


def test_texts_that_look_like_something_else_are_quoted() -> None:
    odd = ["yes", "1h", "1e5", "007", "a b", "*", "{x}", "ü", "# no", "null", ""]
    text = "version: 1\nlayers:\n- trim_tools: {protect: " + repr(odd) + "}\n"
    policy = parse_policy(text)
    assert getattr(policy.layers[0], "protect") == tuple(odd)  # noqa: B009
    assert parse_policy(policy_yaml(policy)).layers == policy.layers


@given(st.lists(st.text(max_size=12), max_size=4))
@settings(max_examples=150, deadline=None)
def test_any_text_survives_the_file(texts: list[str]) -> None:
    made = layer_of("trim_tools", {"protect": texts})
    assert not isinstance(made, list)
    text = policy_yaml(Policy((made,)), top=texts, above={0: texts})
    assert parse_policy(text).layers == (made,)
    assert len(text.splitlines()) == 3 + 2 * len(texts)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_file_is_a_policy_or_a_sentence(data: st.DataObject) -> None:
    text = GOOD
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 12))
        text = text[:at] + data.draw(st.text(max_size=4)) + text[at + length :]
    try:
        parse_policy(text)
    except PolicyError as error:
        assert problem_lines(error)


@pytest.mark.parametrize(
    ("name", "values"),
    [("session_budget", {"window": -5}), ("exact_cache", {"ttl": -1}), ("batch", {"deadline": -3})],
)
def test_no_duration_is_below_0(name: str, values: dict[str, object]) -> None:
    assert isinstance(layer_of(name, values), list)
