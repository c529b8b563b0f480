"""A patient's page as it was issued, and what a press on it counts for: programs press, too, and must do nothing.

They are told apart by the page issued, never by the link: people behind a scanner open the same link after it.
"""

from dataclasses import dataclass
from typing import Final, Literal

import pendulum

# Mail and link scanners render a page and press at once, or press all there is to press; nobody reads that fast.
SOONEST_SECONDS: Final = 1.5
Pressed = Literal["confirm", "change", "cannot_come", "keep", "undo"]
Weight = Literal["first", "sure", "repeated", "contradicts"]


@dataclass(frozen=True)
class IssuedPage:
    """One page as it went out: its own number, what it showed (`version`, `shown`), and when (UTC, machine's clock).

    `sure`: it named what will be cancelled and asked once more. It keeps the number of the page that led to it.
    """

    number: str
    version: int
    shown: str
    issued_at: pendulum.DateTime
    sure: bool = False

    def too_soon(self, now: pendulum.DateTime) -> bool:
        """Say whether a press at this moment (UTC, the machine's clock) comes sooner than a person's could."""
        return (now - self.issued_at).total_seconds() < SOONEST_SECONDS


@dataclass(frozen=True)
class EarlierPress:
    """What had been pressed on a page before, and whether it acted; `kind` is empty once presses contradicted."""

    kind: str
    acted: bool


def weigh(kind: Pressed, earlier: EarlierPress | None, *, sure: bool) -> Weight:
    """Say what a press counts for: it acts ("first"), asks to be sure, says again, or contradicts an earlier one."""
    if kind == "keep" or (earlier is not None and earlier.kind != kind):
        return "contradicts"
    if earlier is not None and earlier.acted:
        return "repeated"
    return "sure" if kind == "cannot_come" and not sure else "first"
