"""Watches, on PostgreSQL, in which order each transaction of a test locks rows; the law is actions.locks.ORDER."""

import hashlib
import re
import sys
import threading

from sqlalchemy import event

from reminder_site.actions.audit import CHAIN_LOCK
from reminder_site.actions.locks import ORDER, UNDER_APPOINTMENT

# What each action locks first, by `module.function`, or by module where all of it is alike.
FIRST = {
    "accounts._password_set": {"staff"},
    "accounts._session_opened": {"staff"},
    "accounts.take_link": {"sign_in_link"},
    "accounts.end_session": {"staff_session"},
    "accounts.refuse_access": {"audit"},
    "accounts.sign_out": {"staff_session"},
    "accounts.switch_clinic": {"staff_session"},
    "again": {"message"},
    "alerts": {"named"},
    "alerts.send_test": {"audit"},
    "alerts.confirm_test": {"alert_notice"},
    "answers._take_in": {"appointment", "patient", "opt_out", "trial_text", "audit"},
    "answers.put_aside": set(),
    "appointments.book": {"named", "patient", "audit"},
    "appointments.cancel": {"appointment"},
    "appointments.move": {"named", "appointment"},
    "appointments.undo_cancel": {"appointment"},
    "appointments.undo_move": {"appointment"},
    "attendance": {"appointment"},
    "backups": {"heartbeat"},
    "clinics": {"clinic"},
    "clinics._change": {"named", "clinic"},
    "consent_wordings": {"clinic"},
    "corrections": {"appointment"},
    "clinics.add_clinic": {"audit"},
    "delivery": {"message"},
    "demo_texts": {"message"},
    "doctor": set(),
    "erasing": {"kept_form", "patient"},
    "following": {"message"},
    "ghosts": {"heartbeat", "audit"},
    "form_nonces": {"form_nonce"},
    "heart": {"heartbeat"},
    "heart.leave": {"worker_seen"},
    "hold": {"message", "audit"},
    "hold._end": {"message", "heartbeat"},
    "hold.begin": {"heartbeat"},
    "invitations": {"invitation"},
    "invitations._accepted": {"staff"},
    "invitations.invite": {"audit"},
    "joining": {"invitation"},
    "inbox": {"inbound_message"},
    "inbox.stop_texts": {"patient", "opt_out", "message", "inbound_message"},
    "intents": {"message"},
    "key_changes": {"audit"},
    "learning": {"patient", "message", "audit"},
    "keeping": {"clinic"},
    "kept_forms": {"kept_form"},
    "leasing": {"message"},
    "link_answers": {"appointment"},
    "notices": {"alert_notice"},
    "offers": {"clinic"},
    "missed_texts": {"heartbeat"},
    "parking": {"patient", "appointment", "message"},
    "patient_files": {"patient"},
    "passkeys": {"staff"},
    "passkeys.forget": {"passkey_challenge"},
    "patients": {"patient"},
    "patients.add": {"audit"},
    "receipts": {"message"},
    "refused_webhooks": {"refused_webhook"},
    "reading": set(),
    "reconciling": {"message", "audit"},
    "reconciling._note": {"heartbeat"},
    "reminders.cancel_reminder": {"appointment"},
    "reminders.send_reminder_now": {"appointment"},
    "reminders.set_patient_reminders": {"patient"},
    "replanning._batch": {"appointment", "clinic"},
    "replanning._write_anew": {"appointment"},
    "resolving": {"message"},
    "redaction": {"twilio_erasure"},
    "retention": {"retention_run"},
    "rules": {"clinic"},
    "second_factor": {"staff"},
    "second_factor.seal_anew": {"second_factor"},
    "sender_pauses": {"message"},
    "set_up": {"named"},
    "sign_in_tries": {"named"},
    "staff": {"staff", "staff_clinic"},
    "tallies": {"tally"},
    "templates": {"clinic"},
    "throttling": {"throttle"},
    "trial_texts": {"trial_text", "audit"},
    "twins": {"message", "audit"},
    "write_probe": set(),
    "zone_rules": {"appointment"},
}
LOCKING = re.compile(r"\bFOR (?:NO KEY )?UPDATE\b")
FROM = re.compile(r"\bFROM (\w+)")
CHANGED = re.compile(r'^\s*(?:UPDATE|DELETE FROM)\s+"?(\w+)')
MADE = re.compile(r'^\s*INSERT INTO\s+"?(\w+)')


class _Transaction(threading.local):
    """What this thread's transaction has locked and made so far."""

    def __init__(self):
        self.taken, self.made, self.migrates = [], set(), False


class LockOrder:
    """Notes each transaction's locks as they are first taken, and what stands against the order."""

    def __init__(self, engine):
        self.wrong, self.taken, self._now = [], [], _Transaction()
        event.listen(engine, "begin", self._begin)
        event.listen(engine, "before_cursor_execute", self._note)
        for ending in ("commit", "rollback"):
            event.listen(engine, ending, self._end)

    def forget(self):
        """Begin anew."""
        self.wrong, self.taken = [], []

    def _begin(self, connection):
        self._now.__init__()

    def _end(self, connection):
        if getattr(self._now, "taken", None):
            self.taken.append(tuple(self._now.taken))
        self._begin(connection)

    def _note(self, connection, cursor, statement, parameters, context, executemany):
        self._now.migrates = self._now.migrates or "alembic_version" in statement
        if self._now.migrates:
            return
        if made := MADE.match(statement):
            self._now.made.add(made[1])
            return
        table = _locked(statement, parameters)
        if table is None or table in self._now.taken or table in self._now.made:
            return
        self._judge(table, statement)
        if not self._now.taken:
            self._first(table)
        self._now.taken.append(table)

    def _first(self, table):
        action = _action()
        if action and table not in FIRST.get(action, FIRST.get(action.partition(".")[0], ())):
            self.wrong.append(f"{action} locks {table} first")

    def _judge(self, table, statement):
        taken = self._now.taken
        if table in UNDER_APPOINTMENT:
            if "appointment" not in {*taken, *self._now.made}:
                self.wrong.append(f"{table} without its appointment: {statement[:200]}")
            return
        if table not in ORDER:
            self.wrong.append(f"{table} has no place in the order: {statement[:200]}")
            return
        later = [other for other in taken if other in ORDER and ORDER.index(other) > ORDER.index(table)]
        if later:
            self.wrong.append(f"{table} after {', '.join(later)}: {statement[:200]}")


def _action():
    """Name the action that is at work: the function that opened the transaction, as `module.function`."""
    frame = sys._getframe(1)
    while frame is not None:
        parts = frame.f_code.co_filename.rsplit("/", 2)
        names = frame.f_code.co_names
        if parts[0].endswith("reminder_site") and parts[1:2] == ["actions"] and "transaction" in names:
            return f"{parts[-1].removesuffix('.py')}.{frame.f_code.co_name}"
        frame = frame.f_back
    return ""


def _locked(statement, parameters):
    if "pg_advisory_xact_lock" in statement:
        number = next(iter(parameters.values())) if isinstance(parameters, dict) else parameters[0]
        return _name_of(number)
    if changed := CHANGED.match(statement):
        return changed[1]
    if LOCKING.search(statement):
        return FROM.search(statement)[1]
    return None


def _name_of(number):
    if number == CHAIN_LOCK:
        return "audit"
    limits = {_number(f"daily limit {clinic}") for clinic in range(200)}
    return "daily limit" if number in limits else "named"


def _number(name):
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
