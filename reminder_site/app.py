"""create_app: the only place where the rooms are wired together."""

import logging
import threading
from pathlib import Path

from flask import Flask, Request
from flask_migrate import Migrate
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import BadRequest
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import MapAdapter

from reminder_site import cli, web
from reminder_site.actions.refused_webhooks import Refusals
from reminder_site.actions.write_probe import WriteProbe
from reminder_site.clock import Clock
from reminder_site.config import ROOT, Settings
from reminder_site.db import db, prepare_engine
from reminder_site.gateways.alarms import Alarms, make_queue
from reminder_site.gateways.sms import Sms
from reminder_site.watching import Watch
from reminder_site.web import body_limits

MAX_FORM_BYTES = 256 * 1024  # no form of the site comes near; serving.py refuses more before it is read


class Site(Flask):
    """Flask, but that pages can be drawn for whoever asks under a name that cannot be one; the gate refuses them."""

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return what finds and builds addresses for a request."""
        try:
            return super().create_url_adapter(request)
        except BadRequest:
            assert request is not None
            return self.url_map.bind("localhost", path_info=request.path, default_method=request.method)


def create_app(settings: Settings | None = None) -> Flask:
    """Build the site from its settings (read from the environment when none are given)."""
    settings = settings or Settings.from_env()
    for url in (settings.database_url, settings.queue_url):
        _make_private_file(url)
    app = Site("reminder_site", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.config.update(_flask_config(settings))
    app.extensions["settings"] = settings
    app.extensions["clock"] = Clock(follow=settings.twilio_base_url)
    app.extensions["sms"] = Sms(settings)
    app.extensions["wake"] = threading.Event()
    queue = make_queue(settings.queue_url, *settings.keys("queue"))
    app.extensions["alarms"] = Alarms(queue, look=app.extensions["wake"].set)
    app.extensions["write_probe"] = WriteProbe()
    app.extensions["refusals"] = Refusals()
    _open_database(app)
    web.register(app)
    _watch(app)
    app.register_error_handler(OperationalError, web.errors.not_saved)
    cli.register(app)
    logging.getLogger("twilio.http_client").setLevel(logging.WARNING)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    return app


def _watch(app: Flask) -> None:
    """Have each web process watch the site: from its first request, a health probe's at the latest, if not before."""
    app.extensions["watch"] = watch = Watch(app, calls_dead_man=True)

    def begin() -> None:
        if not app.testing:
            watch.begin()

    app.before_request(begin)


def _flask_config(settings: Settings) -> dict[str, object]:
    return {
        "SECRET_KEY": settings.secret_key,
        "SECRET_KEY_FALLBACKS": [*settings.other_secrets] or None,
        "WTF_CSRF_SECRET_KEY": [*settings.other_secrets, settings.secret_key],  # the last one signs
        "SQLALCHEMY_DATABASE_URI": _driver_url(settings.database_url),
        "MAX_CONTENT_LENGTH": MAX_FORM_BYTES,
        "MAX_FORM_MEMORY_SIZE": MAX_FORM_BYTES,
        "MAX_FORM_PARTS": body_limits.MOST_FIELDS,
        "PREFERRED_URL_SCHEME": settings.public_base_url.partition(":")[0],
    }


def _driver_url(url: str) -> str:
    """Name the driver: psycopg 3 for PostgreSQL, with time-outs so that no statement hangs a page."""
    parsed = make_url(url)
    if parsed.get_backend_name() in {"postgresql", "postgres"}:
        limits = "-c statement_timeout=15000 -c idle_in_transaction_session_timeout=30000 -c timezone=UTC"
        parsed = parsed.set(drivername="postgresql+psycopg").update_query_dict({"options": limits})
    return parsed.render_as_string(hide_password=False)


def _make_private_file(url: str) -> None:
    """Make the file of a SQLite database that is not there yet, for this user alone: it holds patients' data."""
    file = Path(url.removeprefix("sqlite:///"))
    if file.is_absolute() and not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.touch(mode=0o600)


def _open_database(app: Flask) -> None:
    db.init_app(app)
    Migrate(app, db, directory=str(ROOT / "migrations"), render_as_batch=True, compare_type=True)
    with app.app_context():
        prepare_engine(db.engine)
