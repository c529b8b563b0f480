"""Twilio's default opt-out: the words, the standing answers, and the list of who is blocked from where.

The scope of a block is a whole Messaging Service, or, for a number in none, that number alone.
"""

from collections.abc import Mapping

from reminder_site.sandbox.store import Store

STOP_WORDS = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START_WORDS = frozenset({"START", "YES", "UNSTOP"})
HELP_WORDS = frozenset({"HELP", "INFO"})
STOPPED = (
    "You have successfully been unsubscribed. You will not receive any more messages from this number."
    " Reply START to resubscribe."
)
STARTED = (
    "You have successfully been re-subscribed to messages from this number."
    " Reply HELP for help. Reply STOP to unsubscribe. Msg&Data Rates May Apply."
)
HELP = "Reply STOP to unsubscribe. Msg&Data Rates May Apply."


def kind_of(body: str, own: Mapping[str, str]) -> str | None:
    """Tell whether a text is one opt-out word and no more (any case, outer blanks): `STOP`, `START`, `HELP` or None.

    `own` are the words of an account's Advanced Opt-Out, each with its kind.
    """
    word = body.strip().upper()
    if word in own:
        return own[word]
    for kind, words in (("STOP", STOP_WORDS), ("START", START_WORDS), ("HELP", HELP_WORDS)):
        if word in words:
            return kind
    return None


def is_blocked(store: Store, scope: str, number: str) -> bool:
    """Tell whether a number has opted out of a Messaging Service or of one sender."""
    return bool(store.value("SELECT 1 FROM opt_out WHERE scope = ? AND number = ?", scope, number))


def hear(store: Store, scope: str, number: str, body: str, own: Mapping[str, str], *, at: float) -> str | None:
    """Take an opt-out word to heart and give the standing answer to it; None when there is nothing to say."""
    kind = kind_of(body, own)
    blocked = is_blocked(store, scope, number)
    if kind == "STOP" and not blocked:
        store.rows("INSERT INTO opt_out VALUES (?, ?, ?, ?)", scope, number, body.strip().upper(), at)
        return STOPPED
    if kind == "START" and blocked:
        store.rows("DELETE FROM opt_out WHERE scope = ? AND number = ?", scope, number)
        return STARTED
    return HELP if kind == "HELP" else None
