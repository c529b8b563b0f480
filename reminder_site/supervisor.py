"""Runs the whole site on one machine, in the foreground: set-up, sandbox, web and worker; one Ctrl-C ends them all.

Owns the order of things and what is said about it; knows no table, no page and no rule.
"""

import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from os import chdir, environ, umask
from os import open as open_file
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from dotenv import dotenv_values

from reminder_site.config import INSTANCE, ROOT, BadSetting, Settings
from reminder_site.processes import Child, say
from reminder_site.sandbox.identity import AUTH_TOKEN, MESSAGING_SERVICE_SID
from reminder_site.serving import server_command
from reminder_site.setting_checks import SANDBOX_ACCOUNT_SID

HOST = "127.0.0.1"
FLASK = [sys.executable, "-m", "flask", "--app", "wsgi"]
TICK_SECONDS = 0.2
READY_SECONDS = 30


class CannotStart(Exception):
    """The site cannot start; the message says why and what to do."""


class Supervisor:
    """Starts what the settings ask for, restarts what dies, and ends everything when told to."""

    def __init__(self, env: Mapping[str, str], settings: Settings) -> None:
        self.env, self.settings = env, settings
        self.stopping = False
        self.sandbox = Child("sandbox", _sandbox_command(settings), env)
        web = server_command(host=HOST, port=settings.port, workers=1)
        self.site = [Child("web", web, env), Child("worker", [*FLASK, "worker"], env)]

    def run(self) -> None:
        """Bring everything up and stay until a signal asks to stop; raise CannotStart when a step before that fails."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        started = time.monotonic()
        try:
            sign_in = self._set_up()
            for child in [] if self.stopping else self.site:
                child.start()
            self._tend_until(self._is_well, READY_SECONDS)
            self._announce(sign_in, time.monotonic() - started)
            self._tend_until(lambda: self.stopping, float("inf"))
        finally:
            self._end_all()

    def _set_up(self) -> str:
        """Prepare the database (and, in the sandbox, the demo clinic); return how to get in."""
        _refuse_taken("PORT", self.settings.port)
        if self.settings.uses_sandbox:
            _refuse_taken("SANDBOX_PORT", self.settings.sandbox_port)
            # Before the demo, whose days follow the sandbox's clock wherever it was left.
            self.sandbox.start()
            self._tend_until(lambda: _listens(self.settings.sandbox_port), READY_SECONDS)
        self._step("database", "db", "upgrade")
        return self._step("set-up", "set-up-code") if self.settings.is_live else self._step("demo", "demo")

    def _step(self, name: str, *command: str) -> str:
        if self.stopping:
            return ""
        done = subprocess.run([*FLASK, *command], env=self.env, capture_output=True, text=True)
        if done.returncode and not self.stopping:
            raise CannotStart(f"Preparing the {name} failed:\n{done.stdout}{done.stderr}")
        say(name, "ready")
        return done.stdout.strip()

    def _tend_until(self, reached: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self.stopping and not reached() and time.monotonic() < deadline:
            for child in (self.sandbox, *self.site):
                child.tend()
            time.sleep(TICK_SECONDS)

    def _is_well(self) -> bool:
        # By the name that patients see: the site refuses names it does not know.
        known = urlsplit(self.settings.public_base_url).netloc
        ask = urllib.request.Request(f"http://{HOST}:{self.settings.port}/healthz", headers={"Host": known})
        with suppress(OSError), urllib.request.urlopen(ask, timeout=2) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
        return False

    def _announce(self, sign_in: str, seconds: float) -> None:
        if self.stopping:
            return
        address = f"http://{HOST}:{self.settings.port}"
        lines = [f"The site:    {address}   (ready after {seconds:.0f} s)"]
        if not self._is_well():
            lines = [f"The site:    {address}   is not well yet: see the lines above and {address}/healthz"]
        if self.settings.uses_sandbox:
            lines += [f"The phones:  http://{HOST}:{self.settings.sandbox_port}   (no real text leaves this machine)"]
        lines += [*sign_in.splitlines(), "Ctrl-C ends everything."]
        print("\n" + "\n".join(f"    {line}" for line in lines) + "\n", flush=True)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        # Only a flag: a lock taken inside a signal handler can wait for itself for ever.
        self.stopping = True

    def _end_all(self) -> None:
        self.stopping = True
        for children in (self.site, [self.sandbox]):  # the sandbox last: a text in hand still finds it
            for child in children:
                child.ask_to_end()
            for child in children:
                child.end()


def environment(given: Mapping[str, str], env_file: Path) -> dict[str, str]:
    """Build what every process runs with: `.env` below what was given, and the sandbox where no account is named.

    Makes the file with a random SECRET_KEY, readable by its owner alone, when there is no key anywhere.
    """
    if not (given.get("SECRET_KEY") or dotenv_values(env_file).get("SECRET_KEY")):
        _append_secret(env_file)
    env = {name: value for name, value in dotenv_values(env_file).items() if value is not None} | dict(given)
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # starting would take four times as long
    env |= {"TZ": "UTC", "PYTHONUNBUFFERED": "1"}
    if not env.get("PUBLIC_BASE_URL"):
        env["PUBLIC_BASE_URL"] = f"http://{HOST}:{env.get('PORT') or Settings.port}"
    if env.get("TWILIO_ACCOUNT_SID", "") in {"", SANDBOX_ACCOUNT_SID}:
        env |= {
            "TWILIO_ACCOUNT_SID": SANDBOX_ACCOUNT_SID,
            "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "TWILIO_API_KEY": "",
            "TWILIO_API_SECRET": "",
            "TWILIO_MESSAGING_SERVICE_SID": MESSAGING_SERVICE_SID,
            "TWILIO_BASE_URL": f"http://{HOST}:{env.get('SANDBOX_PORT') or Settings.sandbox_port}",
        }
    return env


def main() -> int:
    """Run the site until it is told to stop; return the exit code."""
    try:
        chdir(ROOT)
        umask(0o077)  # databases and backups are for this user alone
        env = environment(environ, ROOT / ".env")
        settings = Settings.from_env(env)
        INSTANCE.mkdir(mode=0o700, exist_ok=True)
        Supervisor(env, settings).run()
    except (BadSetting, CannotStart) as problem:
        print(f"\n{problem}\n", file=sys.stderr)
        return 1
    return 0


def _append_secret(env_file: Path) -> None:
    with open(env_file, "a", opener=lambda path, flags: open_file(path, flags, 0o600)) as file:
        file.write(f"{chr(10) * bool(file.tell())}SECRET_KEY={secrets.token_urlsafe(48)}\n")


def _sandbox_command(settings: Settings) -> list[str]:
    inbound = f"{settings.public_base_url}/webhooks/twilio/inbound"
    module = [sys.executable, "-m", "reminder_site.sandbox"]
    return [
        *module,
        "--port",
        str(settings.sandbox_port),
        "--db",
        str(INSTANCE / "sandbox.db"),
        "--inbound-url",
        inbound,
    ]


def _refuse_taken(name: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as taken:
            raise CannotStart(
                f"Port {port} is taken ({taken.strerror}); perhaps the site already runs. "
                f"Stop that, or choose another: {name}=<port> make run"
            ) from taken


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False


if __name__ == "__main__":
    sys.exit(main())
