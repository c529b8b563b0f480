# One image for the web process, the worker and the migrations; compose.yaml says which is which.
FROM python:3.11-slim-trixie

ENV TZ=UTC \
    PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1

# pg_dump and pg_restore, for backups of PostgreSQL: no older than the server in compose.yaml.
RUN apt-get update && apt-get install -y --no-install-recommends postgresql-client && rm -rf /var/lib/apt/lists/*

WORKDIR /srv/reminder-site
COPY requirements.txt requirements-scale.txt ./
RUN pip install -r requirements.txt -r requirements-scale.txt

COPY wsgi.py ./
COPY migrations migrations
COPY static static
COPY templates templates
COPY reminder_site reminder_site

RUN python -m compileall -q reminder_site wsgi.py \
    && useradd --system --uid 10001 --home-dir /srv/reminder-site site \
    && install -d -o site -g site -m 700 instance
USER site
VOLUME /srv/reminder-site/instance
EXPOSE 8000

# Whether this process lives; a database or a Twilio that is away is no reason to start it anew.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python", "-c", "import urllib.request; \
urllib.request.urlopen('http://127.0.0.1:8000/livez', timeout=4)"]

CMD ["flask", "--app", "wsgi", "web", "--host", "0.0.0.0", "--workers", "2"]
