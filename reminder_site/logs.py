"""Log lines: when (UTC), how grave, what, in which request; as text or as JSON, masked, and never a flood.

Modules go on saying `logging.getLogger(...)`: structlog renders what they say. Fields are given as `extra`.
"""

import logging
import re
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import structlog
from structlog.types import EventDict, Processor

from reminder_site.config import VERSION, Settings
from reminder_site.domain import log_masking

log = logging.getLogger(__name__)
QUIET_SECONDS = 60.0
MOST_ALIKE = 10  # lines of one kind in that time that differ in what they name
MOST_KINDS = 1_000
SHORTEST_LEVEL = logging.INFO
ACCESS_LOGS = ("granian.access", "werkzeug", "gunicorn.access")
LEFT_BY_OTHERS = frozenset({"message", "asctime", "exc_text"})  # what other handlers leave on a record, unmasked
DIGITS = re.compile(r"\d+")
Line = tuple[str, int, str]


@dataclass
class _Said:
    """What was said of one kind of line since a moment (the stopwatch's), and how many more were held back."""

    since: float
    words: str
    exact: set[str] = field(default_factory=set)
    held_back: int = 0


class Repeats(logging.Filter):
    """Lets each line through once a minute, ten alike at the most, and says afterwards how often it was repeated.

    `tell` writes a line past this filter; `later` has a function called so many seconds from now.
    """

    def __init__(
        self,
        tell: Callable[[logging.LogRecord], object],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        later: Callable[[float, Callable[[], None]], None] | None = None,
    ) -> None:
        super().__init__()
        self._tell, self._monotonic, self._later = tell, monotonic, later or _after
        self._said: dict[Line, _Said] = {}
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether this line is written."""
        kind = record.name, record.levelno, DIGITS.sub("#", str(record.msg)[:200])
        exact = f"{record.msg} {record.args} {record.exc_info[0] if record.exc_info else ''}"
        with self._lock:
            now = self._monotonic()
            said = self._said.get(kind)
            if said is None or now - said.since >= QUIET_SECONDS and not said.held_back:
                self._forget_some(now)
                said = self._said[kind] = _Said(now, _words(record))
            if exact not in said.exact and len(said.exact) < MOST_ALIKE:
                said.exact.add(exact)
                return True
            said.held_back += 1
            is_first = said.held_back == 1
        if is_first:
            self._later(max(0.0, QUIET_SECONDS - (now - said.since)), lambda: self._sum_up(kind))
        return False

    def sum_up(self) -> None:
        """Say at once what was held back: the process ends."""
        for kind in list(self._said):
            self._sum_up(kind)

    def _sum_up(self, kind: Line) -> None:
        with self._lock:
            said = self._said.pop(kind, None)
        if said is None or not said.held_back:
            return
        words = f"repeated {said.held_back} times: {said.words}"
        line = logging.LogRecord(kind[0], kind[1], __file__, 0, words, None, None)
        line.repeated = said.held_back
        self._tell(line)

    def _forget_some(self, now: float) -> None:
        if len(self._said) >= MOST_KINDS:
            over = [kind for kind, said in self._said.items() if now - said.since >= QUIET_SECONDS]
            for kind in over or list(self._said)[: MOST_KINDS // 2]:
                del self._said[kind]


class Masked(logging.Filter):
    """Takes keys out of lines that others write past our handler: a web server's access log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask a line; it is written."""
        if isinstance(record.args, dict):
            record.args = {name: _plain(value) for name, value in record.args.items()}
        elif record.args:
            record.args = tuple(_plain(value) for value in record.args)
        else:
            record.msg = _plain(record.msg)
        return True


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Renders a line of any logger, with exceptions told by what they are."""

    def format(self, record: logging.LogRecord) -> str:
        kept = {name: value for name, value in record.__dict__.items() if name not in LEFT_BY_OTHERS}
        copy = logging.makeLogRecord(kept)
        copy.msg, copy.args = _words(record), ()
        return super().format(copy)


def set_up(form: str, stream: Any = None) -> logging.Handler:
    """Have every logger of this process write to stderr (or `stream`), as "text" or "json"; return what writes."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_formatter(form))
    handler.addFilter(Repeats(lambda line: handler.emit(line)))
    root = logging.getLogger()
    for other in [each for each in root.handlers if isinstance(each.formatter, _Formatter)]:
        root.removeHandler(other)
    root.addHandler(handler)
    logging.getLogger("reminder_site").setLevel(SHORTEST_LEVEL)
    for name in ACCESS_LOGS:
        access = logging.getLogger(name)
        if not any(isinstance(each, Masked) for each in access.filters):
            access.addFilter(Masked())
    return handler


def started(process: str, settings: Settings) -> None:
    """Say in one line what starts here, and on which stores, without a password."""
    stores = {"database": store(settings.database_url), "queue": store(settings.queue_url)}
    texts = "the sandbox" if settings.uses_sandbox else "Twilio"
    log.info("the %s starts", process, extra={"version": VERSION, **stores, "texts_to": texts})


def ended(process: str) -> None:
    """Say that this process ends in good order, and what had been held back."""
    for handler in logging.getLogger().handlers:
        for each in handler.filters:
            if isinstance(each, Repeats):
                each.sum_up()
    log.info("the %s ends", process)


def store(url: str) -> str:
    """Return a store by name: its kind, machine and database, or file; whatever else an address holds is left out."""
    parts = urlsplit(url)
    place = f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"
    return f"{parts.scheme.partition('+')[0]}:{f'//{place}' if place else ''}/{parts.path.lstrip('/')}"


def _formatter(form: str) -> logging.Formatter:
    shared: list[Processor] = [
        _when,
        structlog.stdlib.add_log_level,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.ExtraAdder(),
        _masked,
    ]
    last: Processor = structlog.processors.JSONRenderer(ensure_ascii=False) if form == "json" else _as_text
    processors = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, last]
    return _Formatter(foreign_pre_chain=shared, processors=processors, keep_exc_info=False, keep_stack_info=False)


def _when(logger: Any, method: str, line: EventDict) -> EventDict:
    record: logging.LogRecord = line["_record"]
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    return {"time": at.replace("+00:00", "Z"), "logger": record.name, **line}


def _masked(logger: Any, method: str, line: EventDict) -> EventDict:
    error = line.pop("exc_info", None)
    kept = {name: line[name] for name in ("_record", "_from_structlog", "time") if name in line}
    told = {**log_masking.fields({name: value for name, value in line.items() if name not in kept}), **kept}
    if isinstance(error, tuple):
        error = error[1]
    return {**told, "exception": log_masking.told(error)} if isinstance(error, BaseException) else told


def _as_text(logger: Any, method: str, line: EventDict) -> str:
    """Write a line for people: when, how grave, what, then the rest as name=value; an exception beneath it."""
    first = f"{line.pop('time')} {line.pop('level'):<7} {_on_one_line(line.pop('event'))}"
    exception = line.pop("exception", "")
    line.pop("logger", None)
    rest = "".join(f" {name}={_on_one_line(value)}" for name, value in line.items())
    return f"{first}{rest}\n{exception}" if exception else f"{first}{rest}"


def _on_one_line(value: Any) -> str:
    """Write line breaks and other control letters as escapes: nobody forges a line of the log."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in str(value))


def _words(record: logging.LogRecord) -> str:
    """Put a line's arguments into its words, without what somebody else's exception says."""
    if not isinstance(record.args, tuple) or not record.args:
        return record.getMessage()
    return str(record.msg) % tuple(log_masking.argument(value) for value in record.args)


def _plain(value: Any) -> Any:
    return log_masking.masked(value) if isinstance(value, str) else value


def _after(seconds: float, work: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()
