"""Log lines as they are written: their parts, what is taken out, and that nothing floods them."""

import io
import json
import logging
from contextlib import ExitStack
from dataclasses import replace

import pytest
import structlog

from reminder_site import logs
from reminder_site.config import BadSetting
from tests.conftest import test_settings as some_settings
from tests.log_lines import log_lines

LOG = logging.getLogger("reminder_site.of_a_test")


@pytest.fixture
def written():
    """Have this process write its lines as "text" or "json"; returns what has been written."""
    with ExitStack() as until_the_end:
        yield lambda form: until_the_end.enter_context(log_lines(form))


class Stopwatch:
    """A stopwatch that moves only when told to, and has the work done that was put off."""

    def __init__(self):
        self.seconds, self.later, self.told = 0.0, [], []
        self.repeats = logs.Repeats(
            lambda line: self.told.append(line.getMessage()), monotonic=lambda: self.seconds, later=self._note
        )

    def _note(self, seconds, work):
        self.later.append((self.seconds + seconds, work))

    def say(self, words, *args, error=None):
        exc_info = (type(error), error, None) if error else None
        return self.repeats.filter(logging.LogRecord("x", logging.ERROR, "x.py", 1, words, args, exc_info))

    def forward(self, seconds):
        self.seconds += seconds
        due, self.later = self.later, []
        for at, work in due:
            work() if at <= self.seconds else self.later.append((at, work))


def test_a_line_of_json_has_its_time_in_utc_its_level_its_event_and_the_request(written):
    lines = written("json")
    structlog.contextvars.bind_contextvars(request_id="abcdefgh")
    LOG.warning("a request took long: %s", "day.home", extra={"seconds": 1.2})
    (line,) = map(json.loads, lines())
    assert line.pop("time").endswith("Z") and "T" in line.get("time", "T")
    assert line == {
        "level": "warning", "logger": "reminder_site.of_a_test", "event": "a request took long: day.home",
        "request_id": "abcdefgh", "seconds": 1.2,
    }  # fmt: skip


def test_a_line_of_text_begins_with_its_time_and_an_error_stands_beneath(written):
    lines = written("text")
    try:
        int("Carol")
    except ValueError:
        LOG.exception("message %s stumbled", 7, extra={"body": "see you"})
    first, *beneath = lines()
    assert first[10] == "T" and first.split(" ", 1)[0].endswith("Z")
    assert first.split(maxsplit=1)[1] == "error   message 7 stumbled body=(withheld)"
    assert beneath[-1] == "ValueError" and not [line for line in beneath if "literal" in line]


def test_no_number_and_nobody_elses_words_get_in_as_an_argument(written):
    lines = written("text")
    LOG.error("no answer for %s: %s", "+12125550142", ValueError("Carol Reed"))
    assert lines()[0].endswith("no answer for (withheld): ValueError")


def test_access_lines_of_a_web_server_hold_no_link_of_a_patient(written):
    written("text")
    stream = io.StringIO()
    access = logging.getLogger("granian.access")
    access.addHandler(handler := logging.StreamHandler(stream))
    access.propagate, access.level = False, logging.INFO
    access.info('"%(method)s %(path)s"', {"method": "GET", "path": "/m/Ab3dEf6hIj9k", "status": 200})
    access.info("GET /m/Ab3dEf6hIj9k")
    access.removeHandler(handler)
    assert stream.getvalue().splitlines() == ['"GET /m/…"', "GET /m/…"]


def test_the_first_line_says_the_version_and_the_stores_without_a_password(written):
    lines = written("text")
    url = "postgresql://site:geheim@db.example:5433/site?password=geheim"
    logs.started("worker", some_settings(url, "redis://:geheim@queue:6379/0", "http://127.0.0.1:1"))
    assert "the worker starts version=0.1.0 database=postgresql://db.example:5433/site" in lines()[0]
    assert "queue=redis://queue:6379/0 texts_to=the sandbox" in lines()[0] and "geheim" not in lines()[0]
    assert logs.store("sqlite:////srv/site/site.db") == "sqlite:/srv/site/site.db"


def test_the_same_line_is_written_once_a_minute_and_counted():
    watch = Stopwatch()
    assert [watch.say("the queue is away") for _ in range(4539)] == [True] + [False] * 4538
    watch.forward(59)
    assert watch.told == []
    watch.forward(1)
    assert watch.told == ["repeated 4538 times: the queue is away"]
    assert watch.say("the queue is away")


def test_of_lines_that_differ_in_what_they_name_ten_are_written():
    watch = Stopwatch()
    assert sum(watch.say("message %s stumbled", number, error=OSError()) for number in range(500)) == 10
    assert watch.say("message %s was parked", 1), "another line is another matter"
    assert sum(watch.say(f"took {number} ms") for number in range(500)) == 10
    watch.forward(60)
    assert watch.told[0] == "repeated 490 times: message 0 stumbled"


def test_a_process_that_ends_says_first_what_it_held_back(written):
    lines = written("text")
    for _ in range(3):
        LOG.warning("refused")
    logs.ended("worker")
    assert [line.split(maxsplit=2)[2] for line in lines()] == [
        "refused", "repeated 2 times: refused repeated=2", "the worker ends",
    ]  # fmt: skip


def test_kinds_of_lines_without_number_do_not_fill_the_memory():
    watch = Stopwatch()
    for number in range(3 * logs.MOST_KINDS):
        assert watch.say("".join(chr(97 + int(digit)) for digit in str(number)))
    assert len(watch.repeats._said) <= logs.MOST_KINDS


def test_a_format_nobody_knows_and_a_short_token_are_refused():
    known = some_settings("sqlite:///x", "sqlite:///q", "http://127.0.0.1:1")
    for wrong in ({"log_format": "xml"}, {"metrics_token": "short"}, {"workers_expected": 0}):
        with pytest.raises(BadSetting, match=next(iter(wrong)).upper()):
            replace(known, **wrong)


def test_nobody_forges_a_line_of_the_log(written):
    lines = written("text")
    LOG.warning("refused: %s", "x\n2026-11-02T14:00:00Z info all is well\r\x1b[2J", extra={"route": "a\u2028b"})
    (line,) = lines()
    assert "x\\n2026" in line and "\\x1b" in line and "a\\u2028b" in line
