"""Signed status callbacks, as Twilio sends them: several connections at once, each kept alive."""

import base64
import hashlib
import hmac
import socket
import threading
import time
from urllib.parse import urlencode, urlsplit

from reminder_site.sandbox.identity import ACCOUNT_SID, AUTH_TOKEN
from tests.benchmarks.measure import Row, Spread, plain, spending
from tests.campaigns import storms

PER_SECOND, P99_MS = 2200, 50
BATCH = 2000
NEWS = ("sent", "delivered")


def run(site, scale):
    """Have two receipts for each of many texts come in."""
    web = site.serving(scale.web_workers)
    texts = scale.receipts // len(NEWS)
    for first in range(0, texts, BATCH):
        numbers = range(first, min(first + BATCH, texts))
        site.ask(storms.texts_on_their_way, clinic_id=site.clinic_id, starts=dict.fromkeys(numbers, "accepted"))
    base = site.place.settings().public_base_url
    pieces = [[_receipt(base, n, news) for n in range(door, texts, scale.at_once) for news in NEWS]
              for door in range(scale.at_once)]  # fmt: skip
    with spending(web) as spent:
        taken = _pour(site.place.web_port, pieces)
    shown = site.ask(storms.as_shown, first=0, size=min(texts, BATCH))
    assert set(shown.values()) == {("delivered", "delivered")}, "a receipt was not taken"
    spread, rate = Spread(taken), len(taken) / spent.wall
    what = f"signed status callbacks, {scale.web_workers} web processes, {scale.at_once} at once"
    how = "web server; signature, history, rank rule and row update"
    return [
        Row(f"{what}: rate", how, f"{plain(rate)}/s", f"≥ {PER_SECOND}/s (1.2 × the best durable peer, on a quiet "
            "machine)", rate >= PER_SECOND),
        Row(f"{what}: answer", how, str(spread), f"p99 ≤ {P99_MS} ms", spread.at(99) <= P99_MS),
        Row("a status callback: CPU", "process times of the web server", f"{plain(1000 * spent.cpu / len(taken))} ms"),
    ]  # fmt: skip


def _pour(port, pieces):
    """Send all receipts, each pile over a connection of its own; return the seconds each answer took."""
    taken, troubles = [], []

    def pour(pile):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
                taken.extend([_ask(line, request) for request in pile])
        except (OSError, RuntimeError) as error:
            troubles.append(error)

    threads = [threading.Thread(target=pour, args=(pile,)) for pile in pieces]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if troubles:
        raise RuntimeError(f"the receipts were not taken: {troubles[0]}")
    return taken


def _ask(line, request):
    began = time.perf_counter()
    line.sendall(request)
    answer = line.recv(65536)
    while b"\r\n\r\n" not in answer:
        more = line.recv(65536)
        if not more:
            raise RuntimeError("the line broke")
        answer += more
    if not answer.startswith(b"HTTP/1.1 204"):
        raise RuntimeError(answer[:40].decode("latin-1"))
    return time.perf_counter() - began


def _receipt(base, number, status):
    """Write out one signed request."""
    form = {"AccountSid": ACCOUNT_SID, "MessageSid": storms._sid(number), "MessageStatus": status}
    path = f"/webhooks/twilio/status/{storms._token(number)}"
    signed = base + path + "".join(name + value for name, value in sorted(form.items()))
    signature = base64.b64encode(hmac.digest(AUTH_TOKEN.encode(), signed.encode(), hashlib.sha1)).decode()
    body = urlencode(form)
    head = (
        f"POST {path} HTTP/1.1", f"Host: {urlsplit(base).netloc}", f"X-Twilio-Signature: {signature}",
        "Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}",
    )  # fmt: skip
    return "\r\n".join([*head, "", body]).encode()
