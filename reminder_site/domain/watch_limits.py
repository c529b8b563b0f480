"""From when on the site says that something about itself is not as it should be. Source: operations, thresholds."""

from typing import Final

WORKER_LATE_SECONDS: Final = 60
EXPIRED_DAYS: Final = 1
REFUSED_MINUTES: Final = 10
REFUSED_MANY: Final = 5  # signatures that are wrong in that time: a rotated token, or a proxy that changes addresses
REPLIES_DAYS: Final = 7
REPLIES_AWAITED: Final = 100  # texts that asked and arrived, and nobody answered since
REPLIES_HOURS: Final = 1  # people take their time
DISK_LEAST_SHARE: Final = 0.10
DISK_ENOUGH_BYTES: Final = 10 * 1024**3  # of a large disk a tenth is plenty
BACKUP_LATE_HOURS: Final = 26


def is_short_of_disk(free_bytes: int, total_bytes: int) -> bool:
    """Say whether so little is left that somebody should make room."""
    return free_bytes < DISK_ENOUGH_BYTES and free_bytes < DISK_LEAST_SHARE * total_bytes
