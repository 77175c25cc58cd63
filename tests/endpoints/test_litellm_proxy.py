"""LiteLLM's proxy: keys, both languages, what it passes on. Its mock's counts are invented, never truth."""

from __future__ import annotations

import pytest

from costopt.endpoints.anthropic import Anthropic
from costopt.endpoints.openai_compatible import OpenAICompatible
from costopt.model.exchange import Origin, Trouble
from costopt.model.leaf import INPUT, OUTPUT
from scripts.servers.litellm_proxy import KEY, MODEL, UPSTREAM
from tests.endpoints.asking import Kind, ask, completed, one, refused, request
from tests.endpoints.fault_server import FaultServer

pytestmark = [pytest.mark.heavy, pytest.mark.xdist_group("real servers")]
BOTH = pytest.mark.parametrize("kind", [OpenAICompatible, Anthropic])
Gateway = tuple[str, FaultServer]


@BOTH
def test_invented_usage_is_told_by_its_counts(gateway: Gateway, kind: Kind) -> None:
    asked = [request("short", MODEL), request("long " * 300, MODEL)]
    found, _ = ask(kind, gateway[0], *asked, key=KEY, stream=False, timeout_s=30)
    assert [completed(o).origin for o in found] == [Origin.MOCK, Origin.MOCK]
    assert len({completed(o).answer.leaves for o in found}) == 1  # it does not count at all


@BOTH
@pytest.mark.parametrize("stream", [True, False])
def test_what_stands_behind_it_is_measured(gateway: Gateway, kind: Kind, stream: bool) -> None:
    url, behind = gateway
    found = completed(
        one(kind, url, request("how is it", UPSTREAM), key=KEY, stream=stream, timeout_s=30)
    )
    seen = behind.seen[-1]
    leaves = found.answer.leaves
    assert leaves is not None and found.origin is Origin.ENDPOINT and found.request_id
    assert (sum(leaves[INPUT]), sum(leaves[OUTPUT])) == (seen["input"], seen["output"])
    assert (found.ttft_ms is not None) is stream


@BOTH
def test_a_wrong_key_and_an_unknown_model_stop_the_run(gateway: Gateway, kind: Kind) -> None:
    wrong = "sk-of-nobody-0123456789abcdef"
    found = refused(one(kind, gateway[0], request("a", MODEL), key=wrong, timeout_s=30))
    assert found.trouble is Trouble.STOP and "--api-key-env" in found.hint
    assert wrong not in repr(found)
    found = refused(one(kind, gateway[0], request("a", "gpt-9"), key=KEY, timeout_s=30))
    assert found.trouble is Trouble.STOP and "--model-map gpt-9=" in found.hint


@pytest.mark.parametrize(
    ("fault", "trouble"),
    [
        ("429", Trouble.RETRY),
        ("400", Trouble.REFUSED),
        ("500", Trouble.RETRY),
        ("cut", Trouble.UNSURE),
    ],
)
def test_faults_behind_it_keep_their_meaning(
    gateway: Gateway, fault: str, trouble: Trouble
) -> None:
    url, behind = gateway
    before = len(behind.seen)
    behind.how.ahead.append(fault)
    found = refused(
        one(OpenAICompatible, url, request("a", UPSTREAM), key=KEY, stream=False, timeout_s=30)
    )
    assert found.trouble is trouble and len(behind.seen) == before + 1
