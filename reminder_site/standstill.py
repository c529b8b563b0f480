"""Ends a process that stood still: others have long taken over what it was about to do. Knows no text and no table."""

import signal
import threading

PUT_OFF_TIMES = 8  # during one span, so that a busy machine does not count as a standstill


def end_after(seconds: float) -> None:
    """End this process, as SIGALRM does, once it has not run for so many seconds; from the main thread only.

    The fence is asked right before the first byte leaves, but a process can be stopped between its answer and the
    write, and write hours later. The kernel's timer runs on while a process is stopped, and ends it before it goes on;
    it does not run while the whole machine sleeps. Source: setitimer(2), ITIMER_REAL.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    threading.Thread(target=_put_off, args=(seconds,), name="standstill", daemon=True).start()


def _put_off(seconds: float) -> None:
    never = threading.Event()
    while not never.wait(seconds / PUT_OFF_TIMES):
        signal.setitimer(signal.ITIMER_REAL, seconds)
