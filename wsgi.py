"""What web servers and `flask --app wsgi` import: `app` is WSGI; `served` reads bodies before it asks `app`."""

from functools import partial

from reminder_site import logs
from reminder_site.app import create_app
from reminder_site.serving import Served

app = create_app()
known = app.extensions["settings"]
logs.set_up(known.log_format)
served = Served(app, started=partial(logs.started, "web process", known), ended=partial(logs.ended, "web process"))
