"""Detection names what it tried, and a wrong name the nearest one."""

from __future__ import annotations

import pytest

from costopt.errors import InputError, UsageError
from costopt.sources.base import Head
from costopt.sources.detect import detect, formats, named


def test_a_format_is_its_file_name() -> None:
    for name, source in formats().items():
        assert source.name == name
        module = type(source).__module__
        if module.startswith("costopt.sources."):
            assert module.removeprefix("costopt.sources.").replace("_", "-") == name
            assert source.title


def test_nothing_fits_says_what_was_tried_and_why_not() -> None:
    with pytest.raises(InputError) as error:
        detect(Head("notes.txt", b"Dear diary,\n", False))
    for name in formats():
        assert f"  {name}: " in error.value.message
    assert "--input-format" in error.value.hint


def test_a_wrong_name_gets_the_nearest() -> None:
    with pytest.raises(UsageError) as error:
        named("openai-bach")
    assert "Did you mean `openai-batch`?" in error.value.hint
    assert named("openai_batch").name == "openai-batch"


def test_bodies_inside_another_tools_envelope_are_no_native_record() -> None:
    line = (
        b'{"id": "1", "trace_id": "t", "timestamp": 1, "metadata": {"agent": "a"},'
        b' "request": {"body": {"model": "m", "messages": []}},'
        b' "response": {"body": {"usage": {"prompt_tokens": 1, "completion_tokens": 1}}}}\n'
    )
    with pytest.raises(InputError) as error:
        detect(Head("export.jsonl", line, False))
    assert "one level deeper" in error.value.message
