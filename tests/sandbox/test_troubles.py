"""The switchboard: each way in which a create can go wrong, how often, and for whom."""

import pytest
import requests
from twilio.base.exceptions import TwilioRestException

from tests.sandbox.conftest import PATIENT, START, sdk, until

BREAKS = (TwilioRestException, requests.exceptions.RequestException, ValueError)


def kept(sandbox):
    return len(sandbox.held())


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("error_before", 500, 20500),
        ("html_503", 503, 503),
        ("rate_limit_429", 429, 20429),
        ("unauthorised", 401, 20003),
        ("sender_missing", 400, 21701),
    ],
)
def test_a_refusal_before_accepting_keeps_nothing(sandbox, kind, status, code):
    sandbox.rule(kind)
    with pytest.raises(TwilioRestException) as refused:
        sandbox.text()
    assert (refused.value.status, refused.value.code, kept(sandbox)) == (status, code, 0)


def test_a_reset_before_accepting_keeps_nothing(sandbox):
    sandbox.rule("reset_before")
    with pytest.raises(requests.exceptions.ConnectionError):
        sandbox.text()
    assert kept(sandbox) == 0


@pytest.mark.parametrize("kind", ["error_after", "reset_after", "garbage_201", "truncated_201"])
def test_an_answer_that_breaks_after_accepting_leaves_the_text_to_be_found(sandbox, kind):
    sandbox.rule(kind)
    with pytest.raises(BREAKS):
        sandbox.text()
    sandbox.settle()
    assert [text["status"] for text in sandbox.held()] == ["delivered"]


def test_an_answer_can_lack_its_sid(sandbox):
    sandbox.rule("no_sid_201")
    assert sandbox.text().sid is None
    assert kept(sandbox) == 1


@pytest.mark.parametrize(("kind", "kept_by_then"), [("slow_then_ok", 1), ("late_accept", 0)])
def test_a_client_that_gives_up_may_yet_have_sent(sandbox, kind, kept_by_then):
    sandbox.rule(kind, seconds=0.8)
    hasty = sdk(sandbox.url, timeout=0.2)
    with pytest.raises(requests.exceptions.ReadTimeout):
        hasty.messages.create(PATIENT, body="Hello", from_="+15005550006")
    assert kept(sandbox) == kept_by_then
    until(lambda: kept(sandbox) == 1)
    hasty.http_client.session.close()


def test_a_rate_limit_may_say_when_to_come_back(sandbox):
    headers = []
    sandbox.client.http_client.session.hooks["response"].append(lambda answer, **_: headers.append(answer.headers))
    for more in ({"retry_after": 7}, {}):
        sandbox.rule("rate_limit_429", **more)
        with pytest.raises(TwilioRestException):
            sandbox.text()
    assert [seen.get("Retry-After") for seen in headers] == ["7", None]


def test_a_rule_can_hold_for_the_next_few_only(sandbox):
    sandbox.rule("error_before", next=2)
    outcomes = [works(sandbox.text) for _ in range(4)]
    assert outcomes == [False, False, True, True]
    assert sandbox.ask("GET", "faults")[1]["fired"] == {"error_before": 2}


def works(act):
    try:
        act()
    except BREAKS:
        return False
    return True


def test_a_rule_can_hold_for_one_number_or_one_kind_of_request(sandbox):
    sandbox.faults(rules=[{"kind": "error_before", "to": PATIENT}, {"kind": "html_503", "on": "update"}])
    assert not works(sandbox.text)
    other = sandbox.text(to="+12025550177", schedule_type="fixed", send_at=START.add(days=1))
    assert not works(lambda: other.update(status="canceled"))
    assert other.fetch().status == "scheduled"


def test_a_probability_is_repeatable_by_its_seed(sandbox):
    def outcomes(seed):
        sandbox.faults(seed=seed, rules=[{"kind": "rate_limit_429", "probability": 0.5}])
        return [works(sandbox.text) for _ in range(20)]

    first = outcomes(3)
    assert first == outcomes(3) != outcomes(4)
    assert 0 < sum(first) < 20


def test_everything_can_be_down(sandbox):
    sandbox.rule("html_503", on="any")
    assert not works(sandbox.text)
    assert not works(lambda: sandbox.messages("SM" + "0" * 32).fetch())
    assert sandbox.ask("GET", "idle") == (200, {"idle": True})


@pytest.mark.parametrize(
    "wanted",
    [
        {"rules": [{"kind": "meteor"}]},
        {"rules": [{"kind": "error_before", "on": "sunday"}]},
        {"rules": [{"on": "create"}]},
        {"rules": "none"},
        {"latency": 5},
        {"latency_ms": -1},
        {"latency_ms": "fast"},
        {"seed": True},
        {"callbacks": {"lost": None}},
        {"carrier": {PATIENT: {"status": "eaten"}}},
        {"carrier": {PATIENT: None}},
        [],
    ],
)
def test_a_switchboard_that_means_nothing_is_refused_and_the_old_one_stays(sandbox, wanted):
    sandbox.faults(latency_ms=1)
    status, answer = sandbox.ask("PUT", "faults", wanted)
    assert (status, list(answer)) == (400, ["error"])
    assert sandbox.ask("GET", "faults")[1]["latency_ms"] == 1


def test_what_was_read_from_the_switchboard_can_be_put_back(sandbox):
    sandbox.faults(rules=[{"kind": "late_accept", "next": 3}], carrier={"*": {"status": "sent"}})
    read = sandbox.ask("GET", "faults")[1]
    assert sandbox.ask("PUT", "faults", read) == (200, read)
