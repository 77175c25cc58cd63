"""Addresses and limits: what people type, and what headers say, in all their spellings."""

from __future__ import annotations

import pytest

from costopt.endpoints.anthropic import Anthropic
from costopt.endpoints.choose import endpoint_for
from costopt.endpoints.connection import Connection
from costopt.endpoints.limits import limits_of, retry_after_s, seconds
from costopt.endpoints.openai_compatible import OpenAICompatible
from costopt.endpoints.outcome import Reply, refusal
from costopt.endpoints.routed import Routed
from costopt.errors import UsageError
from costopt.model.exchange import Completion, Limits, Origin, Refusal, Trouble
from costopt.model.ports import Endpoint
from costopt.wiring.replaying.reader import SourcesReader
from tests.endpoints.asking import KEY, ask, request
from tests.endpoints.behaviour import Behaviour
from tests.endpoints.fault_server import running


@pytest.mark.parametrize(
    ("url", "versioned", "root"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1", "http://127.0.0.1:8000"),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1", "http://127.0.0.1:8000"),
        ("https://a.example/v1/chat/completions", "https://a.example/v1", "https://a.example"),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1", "https://openrouter.ai/api"),
        ("https://api.anthropic.com/v1/messages", None, "https://api.anthropic.com"),
        ("https://a.example/anthropic", None, "https://a.example/anthropic"),
        ("https://x.openai.azure.com/openai/deployments/d?api-version=1",
         "https://x.openai.azure.com/openai/deployments/d", None),
    ],
)  # fmt: skip
def test_an_address_may_be_given_as_people_know_it(
    url: str, versioned: str | None, root: str | None
) -> None:
    found = Connection(url)
    assert versioned in (None, found.versioned) and root in (None, found.root)


def test_a_query_of_the_address_is_sent_along() -> None:
    with running() as server:
        ask(OpenAICompatible, f"{server.url}/v1?api-version=2026-01-01", request())
    assert server.seen[0]["path"] == "/v1/chat/completions?api-version=2026-01-01"


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:8000/v1", True), ("http://localhost/v1", True), ("http://[::1]:1/v1", True),
        ("http://10.1.2.3/v1", True), ("http://192.168.0.9:11434", True), ("http://api.localhost", True),
        ("http://host.docker.internal:1234/v1", True), ("http://172.20.0.1/", True),
        ("https://api.openai.com/v1", False), ("http://8.8.8.8/v1", False),
        ("https://localhost.example.com/v1", False), ("https://10.example.com", False),
        ("http://172.32.0.1/", False),
    ],
)  # fmt: skip
def test_ones_own_machine_is_told_by_its_address(url: str, local: bool) -> None:
    assert Connection(url).is_local is local


def test_keys_in_addresses_and_no_addresses_are_refused() -> None:
    with pytest.raises(UsageError) as caught:
        Connection("https://me:sk-secret-0123456789@a.example/v1")
    assert "sk-secret" not in str(caught.value)
    for wrong in ("localhost:8000", "ftp://a.example", "/v1", ""):
        with pytest.raises(UsageError):
            Connection(wrong)


@pytest.mark.parametrize("key", ["sk-secret-0123\n", "“sk-secret-0123”", "sk-secret\x00"])
def test_a_key_that_no_header_can_carry_is_refused_unseen(key: str) -> None:
    with pytest.raises(UsageError) as caught:
        Connection("https://a.example/v1", key=key)
    assert "sk-secret" not in str(caught.value)


def test_the_host_is_shown_and_the_key_never() -> None:
    found = Connection("https://API.example:8443/v1", key=KEY)
    assert found.host == "api.example:8443" and KEY not in repr(found) + str(found)


def test_the_language_is_told_by_the_address() -> None:
    reader = SourcesReader()
    for url, api, kind in (
        ("https://api.anthropic.com", "", Anthropic),
        ("https://gateway.example/anthropic", "", Anthropic),
        ("http://127.0.0.1:4000", "anthropic", Anthropic),
        ("http://127.0.0.1:4000", "", OpenAICompatible),
        ("https://notanthropic.com/v1", "", OpenAICompatible),
    ):
        assert type(endpoint_for(Connection(url), reader, api)) is kind
    with pytest.raises(UsageError, match="antropic") as caught:
        endpoint_for(Connection("http://127.0.0.1:1"), reader, "antropic")
    assert "anthropic" in caught.value.hint


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("6m0s", 360.0), ("12ms", 0.012), ("1s", 1.0), ("1h2m3.5s", 3723.5), ("0", 0.0), ("2.5", 2.5),
        ("1000010", 1000010.0), ("1800000010", 10.0), ("1800000010000", 10.0),
        ("2027-01-15T08:00:10Z", 10.0), ("Fri, 15 Jan 2027 08:00:10 GMT", 10.0),
        ("2027-01-15T07:59:00Z", 0.0), ("soon", None), ("", None), (None, None), ("-3", None),
        ("nan", None), ("5x", None),
    ],
)  # fmt: skip
def test_spans_of_every_spelling(told: str | None, found: float | None) -> None:
    assert seconds(told, 1_800_000_000.0) == (found if found is None else pytest.approx(found))


def test_limits_of_both_providers() -> None:
    openai = {
        "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s",
        "x-ratelimit-remaining-tokens": "149984", "x-ratelimit-reset-tokens": "6ms",
    }  # fmt: skip
    assert limits_of(openai) == Limits(0, 360.0, 149984, 0.006)
    anthropic = {
        "anthropic-ratelimit-requests-remaining": "7",
        "anthropic-ratelimit-requests-reset": "2027-01-15T08:00:10Z",
        "date": "Fri, 15 Jan 2027 08:00:00 GMT",
    }
    assert limits_of(anthropic) == Limits(7, 10.0, None, None)
    assert limits_of({}) == Limits()


def test_milliseconds_go_before_seconds() -> None:
    assert retry_after_s({"retry-after-ms": "250", "retry-after": "1"}) == 0.25
    assert retry_after_s({}) is None


@pytest.mark.parametrize(
    ("status", "text", "trouble"),
    [
        (400, '{"error":{"message":"Server is pinned to \'/a/b\'; requested \'m\'."}}', Trouble.STOP),
        (400, '{"error":{"message":"Invalid model name passed in model=m. Call /v1/models"}}', Trouble.STOP),
        (404, '{"object":"error","message":"The model `m` does not exist.","code":404}', Trouble.STOP),
        (400, '{"error":{"message":"m is not a valid model ID","code":400}}', Trouble.STOP),
        (400, '{"error":{"message":"No connected db.","type":"no_db_connection"}}', Trouble.STOP),
        (400, '{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance '
              'is too low to access the Anthropic API."}}', Trouble.STOP),
        (400, '{"error":{"message":"This model\'s maximum context length is 8192 tokens."}}',
         Trouble.REFUSED),
        (400, '{"error":{"message":"Unsupported value: temperature does not support 0 with this model."}}',
         Trouble.REFUSED),
        (422, '{"detail":"Unexpected fields in the request: {\'bogus\'}"}', Trouble.REFUSED),
        (403, '{"error":{"message":"Your input was flagged","code":403}}', Trouble.REFUSED),
        (429, '{"error":{"message":"Rate limit reached","code":"rate_limit_exceeded"}}', Trouble.RETRY),
        (408, '{"error":{"message":"litellm.Timeout: APITimeoutError"}}', Trouble.UNSURE),
        (500, '{"error":{"message":"litellm.InternalServerError: Hosted_vllmException - Response payload '
              'is not completed: <ContentLengthError: 400>"}}', Trouble.UNSURE),
        (408, "", Trouble.RETRY), (524, "<html>A timeout occurred</html>", Trouble.UNSURE),
        (502, "<html><body>Bad gateway</body></html>", Trouble.RETRY),
        (418, '["odd"]', Trouble.REFUSED),
    ],
)  # fmt: skip
def test_refusals_as_servers_really_word_them(status: int, text: str, trouble: Trouble) -> None:
    found = refusal(Reply(status, text, "a.example", "m", 1.0))
    assert found.trouble is trouble and found.status == status
    assert "<html>" not in found.message and len(found.message) < 400


def test_a_key_in_an_error_is_masked_before_it_is_cut() -> None:
    text = "x" * 280 + " Incorrect API key provided: sk-abcdefghijklmnopqrstuvwxyz012345"
    assert "sk-abc" not in refusal(Reply(500, text, "a.example", "m", 1.0)).message


def test_each_request_goes_to_its_own_provider() -> None:
    import asyncio

    reader = SourcesReader()

    async def run(one: str, other: str) -> list[object]:
        both: dict[str, Endpoint] = {
            "openai": OpenAICompatible(Connection(one), reader),
            "anthropic": Anthropic(Connection(other), reader),
        }
        routed = Routed(both)
        assert routed.origin is Origin.ENDPOINT and routed.name.count("127.0.0.1") == 2
        asked = [request(), request(), request()]
        told = [
            await routed.complete(type(r)(p, *[r.model, r.blocks], max_tokens=5), "i")
            for r, p in zip(asked, ("openai", "anthropic", "mistral"), strict=True)
        ]
        await routed.close()
        return list(told)

    with running() as a, running(Behaviour()) as b:
        first, second, third = asyncio.run(run(a.url, b.url))
    assert isinstance(first, Completion) and isinstance(second, Completion)
    assert [s["path"] for s in a.seen + b.seen] == ["/v1/chat/completions", "/v1/messages"]
    assert isinstance(third, Refusal) and "mistral" in third.message
