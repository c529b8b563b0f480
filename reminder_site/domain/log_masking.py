"""What may stand in a log line: no phone number, no patient's link, no field that may quote a patient. Pure.

Exceptions are told by their type, their code and where they arose: their messages may quote what somebody typed.
"""

import re
import traceback
from collections.abc import Iterator, Mapping
from typing import Any, Final

WITHHELD: Final = "(withheld)"
HOUSE: Final = "reminder_site."
MOST_CAUSES: Final = 5
# Fields of tables and forms that are a patient's, or may quote one.
PRIVATE: Final = frozenset(
    "answer body born_on content date_of_birth email first_name from from_e164 last_name name names note patient phone "
    "phone_e164 reply text to to_e164 token typed".split()
)
_NUMBERS: Final = (
    re.compile(r"\+\d[\d ().-]{4,20}\d"),  # E.164, with or without spaces
    re.compile(r"(?<![\w.-])\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?![\w.-]\d)"),  # as people in North America write it
    re.compile(r"(?<![\w.-])\d{9,15}(?![\w-])"),
)
_SECRET_PATHS: Final = re.compile(r"(/m/|/webhooks/twilio/status/|/sign-in/link/)[^\s/?\"']+")
_SANE_ID: Final = re.compile(r"(?=[\w-]*[A-Za-z])[A-Za-z0-9][\w-]{7,63}", re.ASCII)


def masked(words: str) -> str:
    """Return words without phone numbers and without what makes a link a key."""
    words = _SECRET_PATHS.sub(r"\1…", words)
    for number in _NUMBERS:
        words = number.sub(WITHHELD, words)
    return words


def fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a log line as they may be written: private ones withheld, the others masked."""
    return {name: WITHHELD if name.lower() in PRIVATE else _value(value) for name, value in given.items()}


def argument(value: Any) -> Any:
    """Return what is put into a log line's words: of somebody else's exception only what it is."""
    return brief(value) if isinstance(value, BaseException) else value


def brief(error: BaseException) -> str:
    """Say what an error is: its type and code; its own words only where they are ours, and hence for people."""
    kind = type(error)
    if kind.__module__.startswith(HOUSE):
        return f"{kind.__name__}: {masked(str(error))}" if str(error) else kind.__name__
    return f"{kind.__name__} ({code})" if (code := _code(error)) else kind.__name__


def told(error: BaseException) -> str:
    """Write an exception out with its causes: where it arose, line by line, and what it is."""
    return "\n".join(_lines(error))


def sane_request_id(given: str) -> str:
    """Return a request's id as somebody in front of the site gave it; empty for one that is not plainly an id."""
    return given if _SANE_ID.fullmatch(given) else ""


def _value(value: Any) -> Any:
    if isinstance(value, BaseException):
        return brief(value)
    return masked(value) if isinstance(value, str) else value


def _code(error: BaseException) -> str:
    """Return what a system or a database calls this error, of which no user has a say."""
    whose = getattr(error, "orig", None) or error
    code = getattr(whose, "sqlstate", None) or getattr(whose, "sqlite_errorname", None)
    if code is None and isinstance(whose, OSError):
        code = whose.strerror
    named = "" if whose is error else type(whose).__name__
    return " ".join(filter(None, (named, code)))


def _lines(error: BaseException) -> Iterator[str]:
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in chain and len(chain) < MOST_CAUSES:
        chain.append(following)
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)
    for each in reversed(chain):
        for frame in traceback.extract_tb(each.__traceback__):
            yield f"  {frame.filename}:{frame.lineno} {frame.name}: {frame.line}"
        yield brief(each)
