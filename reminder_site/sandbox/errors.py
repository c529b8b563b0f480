"""Twilio's errors: a code, a text and an HTTP status, and the envelope they travel in."""

from reminder_site.sandbox.wire import Response, as_json

TEXTS = {
    20003: (401, "Authenticate"),
    20004: (405, "Method not allowed"),
    20009: (409, "Cannot delete this resource before it is complete"),
    20404: (404, "The requested resource {0} was not found"),
    20422: (400, "Invalid parameter: {0}"),
    20429: (429, "Too Many Requests"),
    20500: (500, "An internal server error has occurred"),
    20503: (503, "Service unavailable"),
    21211: (400, "Invalid 'To' Phone Number: {0}"),
    21212: (400, "Invalid 'From' Phone Number: {0}"),
    21408: (400, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {0}"),
    21422: (400, "The phone number {0} is not available"),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21606: (400, "The 'From' phone number provided ({0}) is not a valid message-capable number for this destination."),
    21609: (400, "The 'StatusCallback' URL {0} is not a valid URL."),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21611: (400, "This 'From' number has exceeded the maximum number of queued messages"),
    21612: (400, "Message cannot be sent with the current combination of 'To' ({0}) and/or 'From' parameters"),
    21614: (400, "'To' number is not a valid mobile number: {0}"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit"),
    21620: (400, "Invalid media URL(s)"),
    21623: (400, "Number of media files exceeds allowed limit"),
    21624: (400, "Invalid validity period value: {0}"),
    21654: (400, "ContentSid required when ContentVariables are given"),
    21655: (400, "The ContentSid is invalid: {0}"),
    21656: (400, "The ContentVariables parameter is invalid"),
    21701: (400, "The Messaging Service does not exist: {0}"),
    21704: (400, "The Messaging Service contains no phone numbers."),
    21910: (400, "'From' and 'To' must belong to the same channel"),
    30409: (400, "Message is not in a cancelable state."),
    35111: (400, "SendAt cannot be empty for ScheduleType 'fixed'"),
    35114: (
        400,
        "SendAt time must be an ISO 8601 UTC timestamp"
        " between 900 seconds and 35 days (3024000 seconds) in the future, inclusive.",
    ),
    35118: (400, "MessagingServiceSid is required to schedule a message"),
    35125: (400, "The account has reached its limit of scheduled messages"),
    35126: (400, "ScheduleType is not supported: {0}"),
}


class TwilioError(Exception):
    """A refusal with one of Twilio's codes."""

    def __init__(self, code: int, *details: str) -> None:
        self.code = code
        self.status, text = TEXTS[code]
        super().__init__(text.format(*details))


def envelope(code: int, message: str, status: int) -> Response:
    """Make the answer that carries an error."""
    more_info = f"https://www.twilio.com/docs/errors/{code}"
    return as_json({"code": code, "message": message, "more_info": more_info, "status": status}, status)


def refusal(error: TwilioError) -> Response:
    """Make the answer for a refusal."""
    return envelope(error.code, str(error), error.status)
