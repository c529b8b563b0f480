"""What web servers and `flask --app wsgi` import: `app` is WSGI; `served` reads bodies before it asks `app`."""

from reminder_site.serving import Served
from reminder_site.starting import start

app = start()
served = Served(app)
