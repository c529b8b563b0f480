"""What web servers and `flask --app wsgi` import: `app` is WSGI; `served` reads bodies before it asks `app`."""

from functools import partial

from reminder_site import logs
from reminder_site.serving import Served
from reminder_site.starting import start

app = start()
known, watch = app.extensions["settings"], app.extensions["watch"]
logs.set_up(known.log_format)


def _begin() -> None:
    logs.started("web process", known)
    watch.begin()


served = Served(app, started=_begin, ended=partial(logs.ended, "web process"))
