"""Carries out on one request what the switchboard drew for it: pauses, refusals, broken answers, cut connections."""

from collections.abc import Callable

from reminder_site.sandbox.errors import TwilioError, refusal
from reminder_site.sandbox.exchange import Exchange
from reminder_site.sandbox.faults import AFTER, Rule
from reminder_site.sandbox.wire import Request, Response, as_json

PAGE = b"<!doctype html><html><head><title>503</title></head><body><h1>Service Unavailable</h1></body></html>"


def with_troubles(exchange: Exchange, request: Request, operation: str, handle: Callable[[], Response]) -> Response:
    """Answer a request through the latency and the trouble, if any, that the switchboard has for it."""
    exchange.pause(exchange.faults.settings.latency_ms / 1000)
    rule = exchange.faults.strike(operation, request.form.get("To") or request.query.get("To"))
    if rule is None:
        return handle()
    if rule.kind in AFTER:
        return _spoil(exchange, rule, handle())
    if rule.kind == "late_accept":
        exchange.pause(rule.seconds)
        return handle()
    return _refuse(rule)


def _refuse(rule: Rule) -> Response:
    if rule.kind == "reset_before":
        return Response(500, mishap="reset")
    if rule.kind == "html_503":
        return Response(503, PAGE, {"Content-Type": "text/html"})
    code = {"rate_limit_429": 20429, "unauthorised": 20003, "sender_missing": 21701}.get(rule.kind, 20500)
    response = refusal(TwilioError(code, "MG"))
    if rule.retry_after is not None:
        response.headers["Retry-After"] = str(rule.retry_after)
    return response


def _spoil(exchange: Exchange, rule: Rule, response: Response) -> Response:
    if response.status >= 400:
        return response  # it was not accepted, and the refusal is the truth
    if rule.kind == "slow_then_ok":
        _let_go(response)
        exchange.pause(rule.seconds)
    elif rule.kind == "error_after":
        return _instead(response, refusal(TwilioError(20500)))
    elif rule.kind == "garbage_201":
        return _instead(response, Response(response.status, PAGE, {"Content-Type": "text/html"}))
    elif rule.kind == "no_sid_201":
        return _instead(response, as_json({}, response.status))
    else:
        response.mishap = "reset" if rule.kind == "reset_after" else "truncate"
    return response


def _let_go(response: Response) -> None:
    if response.after:
        response.after()
        response.after = None


def _instead(response: Response, other: Response) -> Response:
    other.after = response.after
    return other
