"""A backup is proved by restoring it: into a database of its own, which is compared with its manifest and dropped."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from reminder_site.actions.backups import CannotRestore, Manifest, checked, facts_of, readable
from reminder_site.config import settings
from reminder_site.gateways.copies import CopyFailed, copy_sqlite, load_postgres, reading


def prove(*, file: Path, identity: Path | None = None) -> Manifest:
    """Restore a backup beside the database and compare what came of it with its manifest.

    `identity` is the private key of an encrypted one.

    Raises CannotRestore where the two differ, CopyFailed where it cannot be restored. The site goes on meanwhile.
    """
    manifest = checked(file)
    with readable(file, manifest, identity) as plain:
        found = _of_sqlite(plain) if manifest.store == "sqlite" else _of_postgres(plain)
    wrong = [name for name, value in found.items() if value != getattr(manifest, name)]
    if wrong:
        raise CannotRestore(f"{file.name} was restored, but differs from its manifest in {', '.join(wrong)}")
    return manifest


def _of_sqlite(file: Path) -> dict[str, Any]:
    with TemporaryDirectory(dir=file.parent, prefix=".proof-") as folder:
        copy = Path(folder) / "proof.sqlite3"
        copy_sqlite(file, copy)
        with reading(copy) as restored:
            return facts_of(lambda sql: restored.execute(sql).fetchall())


def _of_postgres(file: Path) -> dict[str, Any]:
    url = make_url(settings().database_url).set(drivername="postgresql+psycopg")
    with _scratch(url) as scratch:
        plain = scratch.set(drivername="postgresql")._replace(password=None)
        address = plain.render_as_string(hide_password=False).replace("+", "%20")
        load_postgres(address, str(url.password or ""), file, "SELECT 1")
        engine = create_engine(scratch, hide_parameters=True)
        try:
            with engine.connect() as connection:
                return facts_of(lambda sql: connection.execute(text(sql)).all())
        finally:
            engine.dispose()


@contextmanager
def _scratch(url: Any) -> Iterator[Any]:
    """Make a database beside the site's and drop it in the end; raises CopyFailed."""
    name = f"proof_{secrets.token_hex(8)}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT", hide_parameters=True)
    try:
        with engine.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
        try:
            yield url.set(database=name)
        finally:
            with engine.connect() as connection:
                connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
    except SQLAlchemyError as error:
        raise CopyFailed(f"no database could be made to prove the backup in: {error}") from error
    finally:
        engine.dispose()
