"""No room left, at moments nobody chose: nothing leaves unrecorded, and all goes on by itself once there is room.

The room is taken away with the limit on file sizes that every process has, which a process may be given from outside.
"""

import json
import re
import resource
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter

from tests.campaigns import desk
from tests.campaigns.world import World

FULL_SECONDS = 0.6
PAGES_LEFT = 16
TIMES_OF_LOOKING = 20
TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
TITLE = re.compile(r"<title>([^<]+)</title>")


def run(folder, *, seed=1, points=50, messages=400, **world):
    """Take the room away at so many points while texts go through; return the figures."""
    told = []
    with World(folder, seed=seed, store="sqlite", **world) as trial:
        trial.ask(desk.employ_alice)
        _health(trial)  # the web process is up
        trial.faults(callbacks={"lost": 0.5})
        for number in range(points):
            trial.seed_texts(messages * (number + 1) // points - trial.seeded)
            trial.nap(0, 0.3)
            _fill_up(trial)
            told.append(_save_something(trial))
            trial.nap(0, FULL_SECONDS)
            _make_room(trial)
        trial.faults()
        trial.settle()
        figures = trial.verdict()
        figures.more = {
            "points": points,
            "died": trial.revive(),
            "unrecorded_creates": trial.ask(desk.unrecorded, callbacks=trial.callback_addresses()),
            "told": dict(Counter(told)),
            "health_afterwards": _health(trial)[0],
        }
        return figures


def _fill_up(trial):
    """Let no file of the site's be written beyond one of its first pages."""
    limit = trial.random.randint(1, PAGES_LEFT * 4096)
    for process in [*trial.workers, trial.web]:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


def _make_room(trial):
    for process in [*trial.workers, trial.web]:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _health(trial):
    """Return what the health page says: its status code and the words of what is not well."""
    url = f"http://127.0.0.1:{trial.place.web_port}/healthz"
    for _ in range(TIMES_OF_LOOKING):
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status, _words(json.load(answer))
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _words(json.load(error))
        except OSError:
            time.sleep(0.1)
    return 0, "no answer"


def _save_something(trial):
    """Send a form that writes while the disk is full; return what the page says."""
    address = f"http://127.0.0.1:{trial.place.web_port}/sign-in"
    try:
        with urllib.request.urlopen(address, timeout=5) as page:
            token = TOKEN.search(page.read().decode())[1]
            cookie = page.headers["Set-Cookie"].partition(";")[0]
        form = urllib.parse.urlencode({"csrf_token": token, "email": "alice@elm.example", "password": "not hers"})
        request = urllib.request.Request(address, form.encode(), {"Cookie": cookie, "Referer": address})
        with urllib.request.urlopen(request, timeout=5) as page:
            return f"{page.status}"
    except urllib.error.HTTPError as error:
        with error:
            return f"{error.code}: {TITLE.search(error.read().decode())[1].strip()}"
    except OSError as error:
        return type(error).__name__


def _words(found):
    return "; ".join(check["words"] for check in found["checks"].values() if check["status"] != "ok")
