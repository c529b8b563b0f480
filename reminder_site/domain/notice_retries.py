"""When somebody who could not be told is told again. Pure."""

from typing import Final

# Source: the ladder that Standard Webhooks proposes, about 72 hours in all.
RETRY_SECONDS: Final = (5, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 72_000)
SENDING_SECONDS: Final = 300  # longer than any try may take: another process takes it up after that
LATE_MINUTES: Final = 15  # not told for so long, the dead man's switch is pulled


def wait_seconds(tries: int) -> int | None:
    """Return how long to wait after so many tries in vain; None: it is given up."""
    return RETRY_SECONDS[tries - 1] if tries <= len(RETRY_SECONDS) else None
