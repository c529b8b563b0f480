"""One child process in the foreground: prefixed output, restart with back-off, an orderly end.

Knows nothing of the site.
"""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from os import killpg
from typing import IO

SETTLED_SECONDS = 60
LONGEST_WAIT_SECONDS = 30
GRACE_SECONDS = 15


def say(name: str, words: str) -> None:
    """Write one line under a name; a terminal that has gone away is no reason to stop."""
    with suppress(OSError, ValueError):
        sys.stdout.write(f"{name:<8} | {words}\n")
        sys.stdout.flush()


class Child:
    """A process that should be running from `start` until `end`, as the leader of a group of its own."""

    def __init__(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> None:
        self.name, self.command, self.env = name, command, env
        self.process: subprocess.Popen[str] | None = None
        self._started = self._again_at = 0.0  # time.monotonic() seconds
        self._quick_deaths = 0
        self._output: threading.Thread | None = None

    def start(self) -> None:
        """Start the process; its own session keeps the terminal's Ctrl-C from reaching it before we do."""
        self.process = subprocess.Popen(
            self.command, env=self.env, text=True, errors="replace", bufsize=1, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._started = time.monotonic()
        assert self.process.stdout is not None
        self._output = threading.Thread(target=self._copy, args=(self.process.stdout,), daemon=True)
        self._output.start()

    def tend(self) -> None:
        """Notice a death, say so, and start again after 1, 2, 4 … 30 seconds; a healthy minute resets the wait."""
        if self.process is None or self.process.poll() is None:
            return
        now = time.monotonic()
        if not self._again_at:
            self._clear_group()
            self._quick_deaths = 0 if now - self._started > SETTLED_SECONDS else self._quick_deaths + 1
            wait = min(LONGEST_WAIT_SECONDS, 2 ** max(0, self._quick_deaths - 1))
            self._again_at = now + wait
            say(self.name, f"ended ({_how(self.process.returncode)}); starting it again in {wait} s")
        elif now >= self._again_at:
            self._again_at = 0.0
            self.start()

    def ask_to_end(self) -> None:
        """Send SIGTERM to the process, by its id; it finishes what it has in hand."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def end(self) -> None:
        """Wait for the process to end, longest GRACE_SECONDS, then leave nothing of its group behind."""
        if self.process is None:
            return
        try:
            self.process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            say(self.name, f"did not end within {GRACE_SECONDS} s; killing it")
        self._clear_group()
        self.process.wait()
        if self._output is not None:
            self._output.join(1)

    def _clear_group(self) -> None:
        # A killed master leaves its own children behind, holding the port.
        assert self.process is not None
        with suppress(ProcessLookupError, PermissionError):
            killpg(self.process.pid, signal.SIGKILL)

    def _copy(self, output: IO[str]) -> None:
        with output:
            for line in output:
                say(self.name, line.rstrip())


def _how(returncode: int) -> str:
    return f"exit code {returncode}" if returncode >= 0 else f"signal {-returncode}"
