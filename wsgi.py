"""What web servers and `flask --app wsgi` import: `app` (WSGI), and `served`, which reads bodies before `app` is asked."""

from reminder_site.app import create_app
from reminder_site.serving import Served

app = create_app()
served = Served(app)
