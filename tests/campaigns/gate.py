"""The process that the mutation gate's tests are forked from: it has imported all they need but the project itself.

It runs in a copy of the project; each fork reads the code as it stands there by then.
"""

import importlib
import json
import os
import signal
import sys

# What takes long to import: once here, and not once for each rule.
SLOW = (
    "alembic.command", "argon2", "flask.testing", "flask_limiter", "flask_login", "flask_migrate", "flask_wtf",
    "holidays", "html5lib", "huey", "hypothesis", "icalendar", "pendulum", "phonenumbers", "psycopg", "redis",
    "sqlalchemy.orm", "twilio.request_validator", "twilio.rest.api", "werkzeug.serving", "wtforms",
)  # fmt: skip
PLAIN = ("cacheprovider", "unraisableexception", "threadexception")
OPTIONS = ("-q", "-x", "--tb=no", "-W", "ignore::pytest.PytestAssertRewriteWarning", "-k", "not postgresql")
WITHIN_SECONDS, NEVER_RAN = 60, 70


def serve():
    """Run the tests named in each line that comes in, in a fork of its own; answer with pytest's exit code."""
    sys.path.insert(0, os.getcwd())
    sys.dont_write_bytecode = False
    for name in SLOW:
        importlib.import_module(name)
    for line in sys.stdin:
        print(_run(json.loads(line)), flush=True)  # noqa: T201 - the answer
        sys.dont_write_bytecode = True  # what the first run compiled is kept, code without a rule is not


def _run(tests):
    child = os.fork()
    if not child:
        signal.alarm(WITHIN_SECONDS)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
        try:
            os._exit(_pytest([*OPTIONS, *(f"-pno:{name}" for name in PLAIN), *tests]))
        finally:
            os._exit(NEVER_RAN)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _pytest(arguments):
    return importlib.import_module("pytest").main(arguments)


if __name__ == "__main__":
    serve()
