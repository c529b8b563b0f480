"""To which of our senders a text in Twilio's list was sent: other programs may have numbers in the same account."""

import logging

from reminder_site.db import db
from reminder_site.domain.phones import number_in
from reminder_site.gateways.sms import Remote, Sms, SmsError
from reminder_site.queries import senders, threads

log = logging.getLogger("reminder_site.own_senders")


class OwnSenders:
    """Knows our senders; asks Twilio for the numbers of our services only for a number nobody here has heard of."""

    def __init__(self, sms: Sms) -> None:
        self._sms = sms
        self._own = senders.own()
        self._by_number: dict[str, str] | None = None
        db.session.rollback()

    def of(self, remote: Remote) -> str:
        """Return the sender a text was sent to, as opt-outs name it; empty when it is none of ours. Raises SmsError."""
        service, number = remote.messaging_service_sid or "", number_in(remote.to)
        if {service, number} & self._own:
            found = threads.sender_of_text(service, number)
        else:
            found = senders.of_address(remote.to[:24])
        db.session.rollback()
        return found or self._pooled(number)

    def _pooled(self, number: str) -> str:
        if self._by_number is None:
            services = sorted(name for name in self._own if name.startswith("MG"))
            self._by_number = {each: service for service in services for each in self._numbers_of(service)}
        return self._by_number.get(number, "")

    def _numbers_of(self, service: str) -> frozenset[str]:
        try:
            return self._sms.numbers_of(service)
        except SmsError as error:
            if not error.permanent:
                raise
            log.warning("the numbers of %s could not be read, so texts to them may be passed over: %s", service, error)
            return frozenset()
