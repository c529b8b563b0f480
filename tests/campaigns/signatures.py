"""Webhooks nobody but Twilio may send: requests that differ in one thing from a genuine one, and genuine ones."""

import base64
import dataclasses
import hmac
import random
import string
from collections import Counter
from itertools import product
from urllib.parse import urlsplit

from reminder_site.app import create_app
from reminder_site.sandbox.identity import AUTH_TOKEN
from tests.campaigns import desk
from tests.campaigns.world import World

OTHER_TOKEN, PREVIOUS_TOKEN = "another-account's-token-entirely", "the-token-before-it-was-changed"
TOKENS = {"current token": AUTH_TOKEN, "previous token": PREVIOUS_TOKEN}
PUBLIC = {
    "behind a proxy": "https://clinic.example",
    "on a port": "https://clinic.example:8443",
    "under a path": "https://example.org/reminders",
    "set with a slash at the end": "https://example.net/",
    "plain": "http://127.0.0.1:8000",
}


def run(folder, *, seed=1, mutations=100_000, genuine=50, store="sqlite"):
    """Send so many requests with one thing wrong, and genuine ones to each kind of address; count the misjudged."""
    with World(folder, seed=seed, store=store, workers=0, web=False) as trial:
        return trial.ask(judge, mutations=mutations, times=genuine, draw=seed) | {"seed": seed, "store": store}


def judge(mutations, times, draw):
    """Count forged requests that were accepted and genuine ones that were not (runs at the desk)."""
    pick, accepted, refused, kinds, answers = random.Random(draw), [], [], sorted(WRONG), Counter()
    genuine = Counter()
    sites = {name: _client(address) for name, address in PUBLIC.items()}
    for number in range(mutations):
        name, kind = pick.choice(list(sites)), kinds[number % len(kinds)]
        request = _genuine(PUBLIC[name], pick, pick.choice(list(TOKENS.values())))
        WRONG[kind](request, pick)
        answers[status := _post(sites[name], request)] += 1
        if status < 400:
            accepted.append(kind)
    for name, (which, token) in product(sites, TOKENS.items()):
        for _ in range(times):
            taken = _post(sites[name], _genuine(PUBLIC[name], pick, token)) == 204
            genuine[f"{name}, {which}"] += taken
            refused += [] if taken else [(name, which)]
    return {
        "mutations": mutations,
        "accepted": accepted,
        "genuine": dict(genuine),
        "refused": refused,
        "answers": dict(answers),
    }


def _client(address):
    known = desk.current_app.extensions["settings"]
    more = {"public_base_url": address, "twilio_previous_auth_token": PREVIOUS_TOKEN}
    return create_app(dataclasses.replace(known, **more)).test_client()


def _genuine(public, pick, token):
    public = public.rstrip("/")
    sid = "SM" + "".join(pick.choices("0123456789abcdef", k=32))
    path = "/webhooks/twilio/status/" + "".join(pick.choices("0123456789abcdef", k=32))
    form = {
        "AccountSid": desk.current_app.extensions["settings"].twilio_account_sid,
        "MessageSid": sid, "MessageStatus": pick.choice(["sent", "delivered", "failed"]), "To": "+12015550123",
        "ApiVersion": "2010-04-01", "Body": "See you on Friday, Zoë & co",
    }  # fmt: skip
    query = pick.choice(["", "?a=1&b=%20x"])
    return {
        "path": path + query,
        "form": form,
        "signature": _sign(public + path + query, form, token),
        "public": public,
    }


def _sign(url, form, token):
    said = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.digest(token.encode(), said.encode(), "sha1")).decode()


def _post(client, request):
    headers = {} if request["signature"] is None else {"X-Twilio-Signature": request["signature"]}
    proxy = {"X-Forwarded-Host": "elsewhere.example", "X-Forwarded-Proto": "http", "X-Forwarded-For": "10.0.0.7"}
    host = {"Host": urlsplit(request["public"]).netloc}
    return client.post(request["path"], data=request["form"], headers=headers | proxy | host).status_code


def _change_signature(request, pick):
    place = pick.randrange(27)
    other = pick.choice([c for c in string.ascii_letters + string.digits if c != request["signature"][place]])
    request["signature"] = request["signature"][:place] + other + request["signature"][place + 1 :]


def _change_value(request, pick):
    name = pick.choice(["MessageStatus", "To", "Body", "MessageSid", "ApiVersion"])
    value = request["form"][name]
    place = pick.randrange(len(value))
    request["form"][name] = value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :]


def _add_value(request, pick):
    request["form"]["".join(pick.choices(string.ascii_letters, k=6))] = "1"


def _drop_value(request, pick):
    del request["form"][pick.choice(["To", "Body", "ApiVersion", "MessageStatus"])]


def _change_path(request, pick):
    place = pick.randrange(24, 56)
    old = request["path"]
    request["path"] = old[:place] + ("0" if old[place] != "0" else "1") + old[place + 1 :]


def _add_query(request, pick):
    request["path"] += ("&" if "?" in request["path"] else "?") + f"x={pick.randrange(1000)}"


def _sign_as_another(request, pick):
    request["signature"] = _sign(request["public"] + request["path"], request["form"], OTHER_TOKEN)


def _sign_another_address(request, pick):
    request["signature"] = _sign("https://elsewhere.example" + request["path"], request["form"], AUTH_TOKEN)


def _leave_out(request, pick):
    request["signature"] = pick.choice([None, "", "=" * 28, request["signature"].rstrip("="), request["signature"] * 2])


def _double_a_value(request, pick):
    request["form"]["MessageStatus"] = [request["form"]["MessageStatus"], "delivered"]


WRONG = {
    "signature changed": _change_signature,
    "value changed": _change_value,
    "value added": _add_value,
    "value left out": _drop_value,
    "path changed": _change_path,
    "query changed": _add_query,
    "another account's token": _sign_as_another,
    "signed for another address": _sign_another_address,
    "no signature": _leave_out,
    "value doubled": _double_a_value,
}
