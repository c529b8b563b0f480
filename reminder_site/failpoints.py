"""Named places where a trial can end or stop the process, to prove that nothing is lost there. Off in normal life."""

import os
import signal

NAMES = frozenset({
    "in_lease", "leased",
    "before_intent", "in_intent", "after_intent",
    "before_first_byte", "after_first_byte", "after_answer",
    "before_record", "in_record", "after_record",
    "before_spool", "after_spool", "spool_recorded",
    "before_resolve", "after_list", "in_adoption", "after_adoption", "in_absence", "after_absence",
    "before_cancel", "after_cancel",
    "before_poll", "after_poll",
    "before_sweep", "after_sweep_list", "before_twin", "after_twin",
    "in_receipt", "after_receipt",
    "after_hold_list", "before_release",
    "before_hint",
})  # fmt: skip
_chosen, _left, _by = "", 0, signal.SIGKILL


def choose(place: str, by: signal.Signals = signal.SIGKILL) -> None:
    """Name the place to die at, as `after_intent` or, to get there twice and die at the third time, `after_intent:3`.

    `by` is the signal that comes there, once. Raises ValueError for a place there is not.
    """
    global _chosen, _left, _by
    name, _, times = place.partition(":")
    if name and name not in NAMES:
        raise ValueError(f"there is no fail-point called {name}")
    _chosen, _left, _by = name, int(times or 1), by


def reach(name: str) -> None:
    """End or stop this process right here, as `kill` would, when the environment's REMINDER_FAILPOINT names the place.

    The signal goes to the calling thread itself: sent to the process, it may take effect only after this thread has
    gone on for a while (trial: on a busy machine it ended before a stop sent to its process reached it).
    """
    global _left
    if _chosen != name:
        return
    _left -= 1
    if _left == 0:
        signal.raise_signal(_by)


choose(os.environ.get("REMINDER_FAILPOINT", ""))
