"""What web servers and `flask --app wsgi` import."""

from reminder_site.app import create_app

app = create_app()
