"""What is read from a reply of Twilio's, however odd it is."""

import pytest

from reminder_site.gateways.replies import judge, retry_after_seconds
from reminder_site.gateways.wire import Reply

WAITS = [("40", 40), ("0", 0), ("86400", 86400), ("", None), ("-1", None), ("1.5", None), ("soon", None), ("²", None),
         ("٣", None), ("Mon, 02 Nov 2026 14:00:00 GMT", None), ("9" * 5000, None)]  # fmt: skip


@pytest.mark.parametrize(("said", "seconds"), WAITS, ids=range(len(WAITS)))
def test_how_long_to_wait_is_read_when_it_is_said_in_whole_seconds(said, seconds):
    reply = Reply(429, "{}", {"retry-after": said})
    assert retry_after_seconds(reply) == judge(reply).retry_after_seconds == seconds


def test_no_reply_at_all_is_unclear():
    assert judge(None).kind == "unknown"
