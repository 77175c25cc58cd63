"""Compressors, really run: on tiny random models made on the spot, and a toy one where none is needed."""

from __future__ import annotations

import json
import os
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from costopt.accel.artifacts import Artifacts, compressor
from costopt.accel.artifacts.compressed import sizes
from costopt.accel.compress import compressor_of, shortened
from costopt.accel.compress.selective_context import kept_units
from costopt.errors import InputError, MissingExtra, UsageError
from costopt.layers.compress import Compress
from tests.accel import tiny_models
from tests.billing.small import call, usage
from tests.cli.run import costopt
from tests.layers.context import evaluator_of

TEXT = tiny_models.TEXT * 6
CODE = "```py\nx = {'a': 1}\n```"
METHODS = ("llmlingua2", "llmlingua", "selective_context")


@dataclass
class Toy:
    """Keeps the first words; counts what it is asked."""

    method: str = "toy"
    name: str = "toy"
    version: str = "toy-1"
    asked: int = 0

    def compress(self, text: str, rate: float) -> str:
        self.asked += 1
        if "breaks it" in text:
            raise IndexError
        said = text.split()
        return " ".join(said[: max(1, round(len(said) * rate))])


def test_what_is_kept_stands_as_it_was() -> None:
    made = shortened(Toy(), f"\n{TEXT}\n\n{CODE}\n\n  {TEXT}", 0.5, keep_numbers=False)
    short = " ".join(TEXT.split()[: len(TEXT.split()) // 2])
    assert made.text == f"\n{short} \n\n{CODE}\n\n  {short} " and made.refused == 0


def test_a_text_that_breaks_a_compressor_stays_whole() -> None:
    text = f"{TEXT}\n\n{CODE}\n\nThis is what breaks it, and none of the other words in here."
    made = shortened(Toy(), text, 0.5, keep_numbers=False)
    assert made.refused == 1 and made.text.endswith(text[-60:])


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Toy:
    made = Toy()
    monkeypatch.setattr(compressor, "compressor_of", lambda *_, **__: made)
    return made


def calls(*systems: str) -> list[Any]:
    return [call(f"c{i}", [f"system:{s}", "user:go"], usage(len(s) + 2), session_id=f"s{i}",
                 model="gpt-4o") for i, s in enumerate(systems)]  # fmt: skip


def test_each_text_is_compressed_once_and_kept(toy: Toy, tmp_path: Path) -> None:
    layer, both = Compress(model="any", min_tokens=100), calls(TEXT, TEXT, TEXT + "\n\n" + TEXT)
    first = evaluator_of(both, builder=Artifacts(tmp_path)).effect((layer,))
    asked = toy.asked
    assert asked == 1 + 2, "to warm up, and two distinct texts"
    again = evaluator_of(both, builder=Artifacts(tmp_path)).effect((layer,))
    assert toy.asked == asked + 1, "to warm up alone"
    assert dict(first.tally) == dict(again.tally), "the seconds of the first run, too"
    assert all(np.array_equal(f.pusd, g.pusd) for f, g in zip(first.fees, again.fees, strict=True))
    evaluator_of(calls(TEXT, "New: " + TEXT), builder=Artifacts(tmp_path)).effect((layer,))
    assert toy.asked == asked + 3, "to warm up, and the new one"


def test_a_run_that_is_stopped_has_kept_what_it_made(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer, many = (
        Compress(model="any", min_tokens=100),
        calls(*(f"No. {i}: {TEXT}" for i in range(40))),
    )
    plain = Toy.compress

    def stopped(self: Toy, text: str, rate: float) -> str:
        if self.asked == 36:
            raise KeyboardInterrupt
        return plain(self, text, rate)

    monkeypatch.setattr(Toy, "compress", stopped)
    with pytest.raises(KeyboardInterrupt):
        evaluator_of(many, builder=Artifacts(tmp_path)).effect((layer,))
    monkeypatch.setattr(Toy, "compress", plain)
    toy.asked = 0
    effect = evaluator_of(many, builder=Artifacts(tmp_path)).effect((layer,))
    assert toy.asked == 1 + 8, "to warm up, and what is left of 40 behind the first 32"
    assert effect.tally["segments"] == 40


def test_tokens_are_recounted_by_the_models_own_tokenizer(toy: Toy) -> None:
    evaluator = evaluator_of(calls(TEXT), builder=Artifacts(None))
    layer = Compress(model="any", min_tokens=100, rate=0.5)
    view = evaluator.state((layer,)).view
    short = toy.compress(TEXT.strip(), 0.5) + " "
    before, after = sizes([TEXT, short], "gpt-4o")
    # The log's own count is scaled by the tokenizer's ratio: letters, in this test.
    assert view.made.tokens.tolist() == [round(len(TEXT) * after / before)]
    assert list(view.made.text.values()) == [short]


def test_kept_units_fill_the_budget_by_information() -> None:
    info, size = np.array([1.0, 9.0, 5.0, 9.0]), np.array([1, 2, 1, 2])
    assert kept_units(info, size, 0.5).tolist() == [False, True, False, False]
    assert kept_units(info, size, 0.7).tolist() == [False, True, False, True]
    assert kept_units(info, size, 0.01).tolist() == [False, True, False, False], "at least one"
    assert kept_units(info, size, 1.0).all()


@pytest.mark.parametrize("method", ["auto", *METHODS])
def test_a_missing_extra_gives_the_command(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("torch", "llmlingua.prompt_compressor"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra) as caught:
        compressor_of(method, "any/model", offline=True)
    assert caught.value.hint == 'pip install "costopt[compress]"'


# The real libraries.


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    pytest.importorskip("llmlingua")
    folder = tmp_path_factory.mktemp("models")
    causal = tiny_models.causal(folder / "tiny-llama")
    return {"llmlingua2": tiny_models.classifier(folder / "tiny-roberta"), "llmlingua": causal,
            "selective_context": causal}  # fmt: skip


@pytest.mark.heavy
@pytest.mark.parametrize("method", METHODS)
def test_a_real_compressor_keeps_about_the_rate(method: str, models: dict[str, Path]) -> None:
    made = compressor_of(method, str(models[method]), offline=True)
    short, shorter = made.compress(TEXT, 0.7), made.compress(TEXT, 0.3)
    assert 0.2 < len(shorter) / len(TEXT) < 0.45 < 0.55 < len(short) / len(TEXT) < 0.85
    assert set(shorter.split()) <= set(TEXT.split()), "words are left out, none is made"
    again = compressor_of(method, str(models[method]), offline=True)
    assert (again.version, again.compress(TEXT, 0.3)) == (made.version, shorter)
    assert made.method == method and models[method].name in made.name


@pytest.mark.heavy
def test_a_text_longer_than_the_model_reads(models: dict[str, Path]) -> None:
    for method in METHODS:
        made = compressor_of(method, str(models[method]), offline=True)
        assert 0.2 < len(made.compress(TEXT * 2, 0.4)) / len(TEXT * 2) < 0.6, method


@pytest.mark.heavy
def test_auto_takes_what_the_model_is_made_for(models: dict[str, Path]) -> None:
    for method in ("llmlingua2", "llmlingua"):
        assert compressor_of("auto", str(models[method]), offline=True).method == method


@pytest.mark.heavy
def test_seeds_and_environment_stay_as_they_were(models: dict[str, Path]) -> None:
    random.seed(1)
    expected, before = random.random(), os.environ.get("PYTHONHASHSEED")
    random.seed(1)
    compressor_of("llmlingua2", str(models["llmlingua2"]), offline=True)
    assert random.random() == expected
    assert os.environ.get("PYTHONHASHSEED") == before


@pytest.mark.heavy
def test_models_that_cannot_be_used(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="cannot be loaded"):
        compressor_of("llmlingua2", "nobody/no-such-model", offline=True)
    with pytest.raises(InputError, match="LLMLingua-2 knows"):
        compressor_of("llmlingua2", str(models["llmlingua"]), offline=True)
    monkeypatch.setattr("costopt.accel.compress.llmlingua2.find_encoder", lambda *_: None)
    with pytest.raises(UsageError, match="cl100k") as caught:
        compressor_of("llmlingua2", str(models["llmlingua2"]), offline=True)
    assert 'pip install "costopt[ranks]"' in caught.value.hint


@pytest.mark.heavy
@pytest.mark.parametrize("method", METHODS)
def test_simulate_runs_it(
    method: str, models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """From a policy's file to the result: ratio and speed measured, compute charged, kept for next time."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.jsonl").write_text("\n".join(json.dumps(line(i)) for i in range(6)))
    setting = {"method": method, "model": str(models[method]), "rate": 0.5, "min_tokens": 100}
    policy = json.dumps({"version": 1, "layers": [{"compress": setting}]})  # JSON is YAML, too
    (tmp_path / "policy.yaml").write_text(policy)
    arguments = ("simulate", "log.jsonl", "--policy", "policy.yaml", "--offline", "--json", "-q")
    ran = costopt(capsys, *arguments)
    assert ran.code == 0, ran.err
    (row,) = json.loads(ran.out)["projection"]["layers"]
    evidence = row["evidence"]
    assert (evidence["method"], evidence["segments"]) == (method, 1)
    assert 0.3 < evidence["ratio"] < 0.75 and evidence["tokens_per_second"] > 0
    assert row["overhead_usd"] > 0 and row["basis"] == "measured" and row["verified"] is False
    assert row["risk"]["value"] is None and row["calls_touched"] == 6
    again = json.loads(costopt(capsys, *arguments).out)["projection"]["layers"][0]
    assert again == row, "nothing was compressed again: the very seconds are the first run's"


def line(number: int) -> dict[str, Any]:
    said = [{"role": "system", "content": TEXT}, {"role": "user", "content": f"Question {number}?"}]
    spent = {
        "prompt_tokens": 500 + number % 2,
        "completion_tokens": 5,
        "total_tokens": 505 + number % 2,
    }
    return {
        "id": f"c{number}", "session_id": f"s{number}", "timestamp": f"2026-05-01T10:0{number}:00Z",
        "request": {"model": "gpt-4o", "messages": said},
        "response": {"model": "gpt-4o", "usage": spent, "choices": [
            {"message": {"role": "assistant", "content": "Done."}, "finish_reason": "stop"}]},
    }  # fmt: skip
