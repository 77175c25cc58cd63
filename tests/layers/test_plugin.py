"""A layer of another package: found by its entry point, told and simulated like our own, under the laws."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from costopt.layers.discover import name_of
from tests.billing.small import call, usage
from tests.laws import test_bills, test_effects, test_partition, test_reports
from tests.laws.trials import Trial
from tests.laws.worlds import world
from tests.layers.case import Case, Expect, check

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "tests" / "plugin_example"
THOUGHTS = ["system:s", "user:u", "reasoning:first thought", "assistant:a", "user:v",
            "reasoning:second", "assistant:b", "user:w"]  # fmt: skip


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the example is installed: what an installer would write beside it."""
    site = tmp_path_factory.mktemp("site")
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(head)
    lines = [f"[{group}]\n" + "\n".join(f"{k} = {v}" for k, v in entries.items())
             for group, entries in project["entry-points"].items()]  # fmt: skip
    (info / "entry_points.txt").write_text("\n".join(lines))
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(site), str(EXAMPLE), str(ROOT)])}


@pytest.fixture
def layer_class(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    yield importlib.import_module("costopt_drop_reasoning.layer").DropReasoning


def told(environment: dict[str, str], *words: str) -> str:
    command = [sys.executable, "-m", "costopt", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_it_stands_in_the_schema_and_has_a_page(installed: dict[str, str]) -> None:
    assert "drop_reasoning" in json.dumps(json.loads(told(installed, "policy", "schema")))
    page = told(installed, "explain", "drop_reasoning")
    assert "Leave the reasoning of older turns" in page and "keep_turns" in page


def test_a_policy_with_it_is_checked_and_run(installed: dict[str, str], tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\nlayers:\n  - drop_reasoning: {keep_turns: 2}\n")
    told(installed, "policy", "check", str(policy))
    sample = next(p for p in sorted((ROOT / "sample_traces").rglob("*.jsonl*")) if p.is_file())
    result = told(
        installed,
        "simulate",
        str(sample),
        "--policy",
        str(policy),
        "--json",
        "--no-store",
        "--quiet",
    )
    (layer,) = json.loads(result)["projection"]["layers"]
    assert layer["layer"] == "drop_reasoning" and layer["settings"]["keep_turns"] == 2


def test_no_package_takes_the_place_of_one_of_ours(
    installed: dict[str, str], tmp_path: Path
) -> None:
    info = tmp_path / "impostor-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: impostor\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[costopt.layers]\nwindow = costopt_drop_reasoning.layer:DropReasoning\n"
    )
    code = "from costopt.layers.discover import layer_class; print(layer_class('window').__name__)"
    path = os.pathsep.join([str(tmp_path), installed["PYTHONPATH"]])
    done = subprocess.run(
        [sys.executable, "-c", code], env=installed | {"PYTHONPATH": path}, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "Window"


def stories(layer_class: Any) -> list[Case]:
    calls = [call("c0", THOUGHTS, usage(1_500), tenant="x")]
    shorter = [s for s in THOUGHTS if s != "reasoning:first thought"]
    return [
        Case("old thoughts fall away", layer_class(), calls,
             Expect(touched=["c0"], request={"c0": shorter})),
        Case("noop: all of them stay", layer_class(keep_turns=2), calls, Expect(nothing=True)),
    ]  # fmt: skip


def test_its_stories_and_the_laws(layer_class: Any) -> None:
    assert name_of(layer_class()) == "drop_reasoning"
    for case in stories(layer_class):
        check(case)
        for where in (None, world("agents"), world("troubled")):
            trial = Trial(f"{case.id} @ {where and where.name}", case, where)
            test_effects.test_purity(trial)
            test_effects.test_touches(trial)
            test_effects.test_others_are_left_alone(trial)
            test_effects.test_neutral_settings_do_nothing(trial)
            test_bills.test_input_is_the_sum_of_its_leaves(trial)
            test_partition.test_parts_do_what_the_whole_does(trial)
            test_reports.test_reports_are_sound(trial)
