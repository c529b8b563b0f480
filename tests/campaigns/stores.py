"""A fresh database for one campaign, on SQLite or PostgreSQL, and a fresh queue on SQLite or Redis."""

import secrets
from contextlib import contextmanager

import psycopg
import redis

from tests.stores import postgres_url, redis_url


class StoreMissing(RuntimeError):
    """The store a campaign is to run on does not answer here."""


@contextmanager
def fresh_database(store, folder):
    """Give the address of an empty database; a PostgreSQL one is dropped at the end."""
    if store == "sqlite":
        yield f"sqlite:///{folder}/site.db"
        return
    server = postgres_url()
    if server is None:
        raise StoreMissing("PostgreSQL does not answer (TEST_POSTGRES_URL)")
    name = f"campaign_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield server.rsplit("/", 1)[0] + f"/{name}"
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextmanager
def fresh_queue(queue, folder):
    """Give the address of an empty queue; the Redis one is a database of its own, flushed before and after."""
    if queue == "sqlite":
        yield f"sqlite:///{folder}/queue.db"
        return
    url = redis_url()
    if url is None:
        raise StoreMissing("Redis does not answer (TEST_REDIS_URL)")
    url = url.rsplit("/", 1)[0] + "/6"
    flush(url)
    try:
        yield url
    finally:
        flush(url)


def flush(url):
    """Empty the Redis a campaign uses."""
    with redis.Redis.from_url(url) as client:
        client.flushdb()
