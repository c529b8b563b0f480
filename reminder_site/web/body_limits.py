"""How much may be sent at once, and by whom: what is not answered in full is not read in full either."""

from typing import Final

from flask import abort, request
from werkzeug.datastructures import ImmutableMultiDict

from reminder_site.web import access, current, form_tokens

MOST_FIELDS: Final = 1_000
FROM_OUTSIDE_BYTES: Final = 72 * 1_024  # sign-in, set-up and a patient's buttons need a tenth of it
STANDS_FOR_NUL: Final = "\x01"
PROVED_OTHERWISE: Final = access.SIGNATURE | access.API_KEY


def refuse_too_much(endpoint: str) -> None:
    """Abort with 413 on too many fields, and on a long form of somebody whom this site has signed no form for.

    What is left reaches the pages without NUL.
    """
    if not request.content_length or endpoint in PROVED_OTHERWISE:
        return
    if request.get_data(parse_form_data=False).count(b"&") >= MOST_FIELDS:
        abort(413)
    _read_nul_as_another_control()
    if request.content_length <= FROM_OUTSIDE_BYTES or current.signed_in():
        return
    if form_tokens.origin() is None:
        abort(413)


def _read_nul_as_another_control() -> None:
    """Keep NUL out of every field: PostgreSQL refuses it even in a question; texts refuse what stands for it."""
    fields = list(request.form.items(multi=True))
    if any("\0" in name + value for name, value in fields):
        request.form = ImmutableMultiDict(
            (n.replace("\0", STANDS_FOR_NUL), v.replace("\0", STANDS_FOR_NUL)) for n, v in fields
        )
