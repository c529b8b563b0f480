"""What web servers and `flask --app wsgi` import: `app` is WSGI; `served` reads bodies before it asks `app`."""

from reminder_site.app import create_app
from reminder_site.serving import Served

app = create_app()
served = Served(app, begins=app.extensions["watch"].begin)
