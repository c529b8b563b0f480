"""The mutation gate: each rule of the protocol taken out of a copy of the code must turn its named test red.

`python -m tests.campaigns.mutations` tries all rules; the suite tries one, so that the gate itself is known to work.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PASSED, FAILED = 0, 1
COPIED = ("reminder_site", "migrations", "templates", "static", "tests", "wsgi.py", "pyproject.toml")
UNIQUE_INDEX = '"uq_message_in_flight",\n            ["to_e164", "sender"],\n            unique=True,'


@dataclass(frozen=True)
class Mutation:
    """One rule, how it is taken out, and the test that must notice."""

    rule: str
    file: str
    before: str
    after: str
    test: str


GATE = (
    Mutation(
        "fence",
        "reminder_site/handing_over.py",
        "return self.monotonic() < ends and -5 < wall_seconds < self.pace.fence_seconds",
        "return True",
        "tests/actions/test_fence.py::test_it_is_open_at_first_and_closed_after_a_minute",
    ),
    Mutation(
        "quiescence",
        "reminder_site/handing_over.py",
        "if read - self._quiet_since.setdefault(attempt, read) < self.pace.first_look_seconds:",
        "if False:",
        "tests/actions/test_delivery_unclear.py::test_a_wall_clock_that_jumps_ahead_does_not_hurry_the_proof",
    ),
    Mutation(
        "second read",
        "reminder_site/actions/resolving.py",
        "READS_TO_PROVE_ABSENCE = 2",
        "READS_TO_PROVE_ABSENCE = 1",
        "tests/actions/test_delivery_unclear.py::test_one_reading_without_it_does_not_prove_a_text_absent",
    ),
    Mutation(
        "check in the intent",
        "reminder_site/actions/intents.py",
        "now, checked = self.now, checks.last_check(message, self.around, now=self.now)",
        "now, checked = self.now, checks.Verdict()",
        "tests/actions/test_delivery_checks.py::test_a_number_that_was_changed_is_not_texted_any_more",
    ),
    Mutation(
        "one in flight",
        "migrations/versions/0001_first_tables.py",
        UNIQUE_INDEX,
        UNIQUE_INDEX.replace("True", "False"),
        "tests/actions/test_delivery_unclear.py::test_one_text_at_a_time_is_on_the_wire_to_a_number",
    ),
    Mutation(
        "rank",
        "reminder_site/domain/message_state.py",
        "return RANK.get(reported, -1) > rank",
        "return True",
        "tests/web/test_status_callbacks.py::test_receipts_in_the_wrong_order_end_at_the_furthest",
    ),
    Mutation(
        "signature",
        "reminder_site/gateways/sms.py",
        "return any(RequestValidator(token).validate(url, form, signature) for token in tokens)",
        "return True",
        "tests/web/test_twilio_webhooks.py::test_nothing_unsigned_is_read",
    ),
)


@contextmanager
def a_copy(folder):
    """Copy all that tests run on into a folder; give what runs some of them there and says how pytest ended."""
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    command = [sys.executable, folder / "tests" / "campaigns" / "gate.py"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
    with subprocess.Popen(command, cwd=folder, env=env | {"REQUIRE_STORES": ""}, **pipes) as gate:

        def run(*tests):
            print(json.dumps(tests), file=gate.stdin)
            return int(gate.stdout.readline())

        yield run
        gate.stdin.close()


@contextmanager
def without(mutation, folder):
    """Take a rule out of the copy, and put it back."""
    file = folder / mutation.file
    whole, times = file.read_text(), file.stat()
    assert mutation.before in whole, f"the rule “{mutation.rule}” is not where the gate looks for it"
    file.write_text(whole.replace(mutation.before, mutation.after))
    try:
        yield
    finally:
        file.write_text(whole)
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))  # what was compiled of it is good again


def unseen(rules, folder):
    """Name the rules of these whose tests do not pass as the code stands, or do not fail without the rule."""
    with a_copy(folder) as run:
        if run(*(rule.test for rule in rules)) != PASSED:
            return ["the tests do not pass as the code stands"]
        found = []
        for rule in rules:
            with without(rule, folder):
                found += [] if run(rule.test) == FAILED else [rule.rule]
        return found


def main():
    """Try all rules; exit 1 when a test did not fail without its rule."""
    with tempfile.TemporaryDirectory(prefix="gate-") as folder:
        found = unseen(GATE, Path(folder))
    print(f"{len(GATE)} rules, unseen: {found or 'none'}")  # noqa: T201
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
