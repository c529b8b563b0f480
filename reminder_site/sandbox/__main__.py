"""`python -m reminder_site.sandbox`: the sandbox as a process of its own, until it is interrupted."""

import argparse
import logging
import signal
import threading

from reminder_site.sandbox import identity
from reminder_site.sandbox.identity import Identity
from reminder_site.sandbox.server import SandboxServer


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m reminder_site.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="leave it on the loopback interface")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--db", default="instance/sandbox.db", help="its own SQLite file")
    parser.add_argument("--account-sid", default=identity.ACCOUNT_SID)
    parser.add_argument("--auth-token", default=identity.AUTH_TOKEN)
    parser.add_argument("--messaging-service-sid", default=identity.MESSAGING_SERVICE_SID)
    parser.add_argument("--inbound-url", default=identity.INBOUND_URL, help="where patients' texts are sent")
    parser.add_argument("--pace", type=float, default=0.0, help="seconds between queued, sent and delivered")
    parser.add_argument("--zone", default="UTC", help="the zone in which the phones show their times")
    return parser.parse_args()


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    given = arguments()
    who = Identity(given.account_sid, given.auth_token, given.messaging_service_sid, given.inbound_url)
    ended = threading.Event()
    for kind in (signal.SIGINT, signal.SIGTERM):
        signal.signal(kind, lambda *_: ended.set())
    with SandboxServer(given.port, given.db, who=who, host=given.host, pace_s=given.pace, zone=given.zone) as server:
        logging.getLogger(__name__).info("sandbox: phones and a pretend Twilio at %s", server.url)
        ended.wait()


if __name__ == "__main__":
    main()
