"""Backups of the whole database, each with a manifest, and the way back: a restored site always begins on hold."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pendulum
from sqlalchemy import Connection, inspect, make_url, text, update
from sqlalchemy.exc import SQLAlchemyError

from reminder_site.actions import audit
from reminder_site.config import ROOT, settings
from reminder_site.db import Base, db, retried, transaction
from reminder_site.domain.actor import Actor
from reminder_site.domain.audit_seal import Head
from reminder_site.domain.backup_keeping import kept
from reminder_site.gateways.age import SUFFIX as ENCRYPTED
from reminder_site.gateways.age import decrypted, encrypt
from reminder_site.gateways.copies import (
    copy_sqlite,
    dump_postgres,
    load_postgres,
    put_in_place,
    reading,
    refuse_to_fill_the_disk,
    sha256_of,
    sync_file,
    used_by_others,
)
from reminder_site.gateways.data_folder import DataFolder, write_whole
from reminder_site.models import AlertNotice, Heartbeat
from reminder_site.queries import health

SERVING_SECONDS = 60
SUFFIX = {"sqlite": ".sqlite3", "postgresql": ".dump"}
# Sessions of the site's own user: whoever watches the database from outside is no site.
OTHERS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user
AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
HOLD = """
INSERT INTO heartbeat (id, beat_at, instance_id, hold_since, hold_from, hold_why, circuit_why, clock_skew_seconds)
VALUES (1, '{since}', '', '{now}', '{since}', '{why}', '', 0)
ON CONFLICT (id) DO UPDATE SET hold_since = excluded.hold_since, hold_why = excluded.hold_why,
hold_from = CASE WHEN heartbeat.hold_from < excluded.hold_from THEN heartbeat.hold_from ELSE excluded.hold_from END
"""


class CannotRestore(Exception):
    """A backup is not to be put in place; the message says why and what to do."""


@dataclass(frozen=True)
class Manifest:
    """What a backup holds, written beside it; `made_at` is the moment (UTC, ISO 8601) it shows."""

    file: str
    made_at: str
    store: str
    bytes: int
    sha256: str
    schema: str
    audit_number: int
    audit_hash: str
    counts: dict[str, int]
    encrypted: bool = False

    @property
    def made(self) -> pendulum.DateTime:
        """The moment it shows."""
        return pendulum.instance(pendulum.DateTime.fromisoformat(self.made_at)).in_timezone("UTC")


def back_up(*, folder: Path, thoroughly: bool = True, now: pendulum.DateTime) -> Manifest:
    """Copy the database, in use or not, into a folder, encrypted if BACKUP_RECIPIENTS says to whom; raises CopyFailed.

    Not `thoroughly` is for copies made every few minutes: SQLite's quick check instead of the whole one.
    """
    return _back_up(folder, "reminder-site", now, thoroughly)


def note_made(*, manifest: Manifest) -> bool:
    """Write down when the last backup was made, for those who watch; False when the database takes no changes."""
    try:
        _note_made(manifest.made)
    except SQLAlchemyError:
        db.session.rollback()
        return False
    return True


@retried
def _note_made(at: pendulum.DateTime) -> None:
    with transaction() as session:
        session.execute(update(Heartbeat).where(Heartbeat.id == 1).values(backup_at=at))


def prune(*, folder: Path) -> list[str]:
    """Delete the backups of a folder that are neither among the last 48 hours' nor the last 35 days'; name them."""
    made = {file: m.made for file in folder.glob("reminder-site-*.json") if (m := _read(file)) is not None}
    keep = kept(made.values())
    gone = sorted(file.with_suffix("") for file, made_at in made.items() if made_at not in keep)
    for backup in gone:
        backup.with_name(f"{backup.name}.json").unlink(missing_ok=True)
        backup.unlink(missing_ok=True)
    return [backup.name for backup in gone]


def restore(
    *, file: Path, kept_in: DataFolder, force: bool, identity: Path | None = None, now: pendulum.DateTime
) -> Manifest:
    """Put a backup in the database's place, on hold, keeping what was there; raises CannotRestore or CopyFailed.

    `force` is for a site that seems to be running and is not, `identity` the private key of an encrypted backup. The
    schema may have to be upgraded afterwards.
    """
    manifest = checked(file)
    if not force and (why := why_in_use(now)):
        raise CannotRestore(f"{why}: stop the site first, wait a minute, or say --force if it is not so")
    db.session.remove()
    with readable(file, manifest, identity) as plain:
        if manifest.store == "sqlite":
            _restore_sqlite(plain, manifest, now)
        else:
            if inspect(db.engine).has_table("alembic_version"):
                _back_up(file.parent, "before-restore", now)
            load_postgres(*_address(), plain, _hold(manifest, now, "+00"))
    db.engine.dispose()
    kept_in.keep_audit_head(Head(manifest.audit_number, manifest.audit_hash))
    return manifest


@retried
def record_restore(*, manifest: Manifest, rehearsal: bool = False, by: Actor, now: pendulum.DateTime) -> None:
    """Note in the restored database that it was restored; a `rehearsal` never sends, cancels or answers anything."""
    facts = {"made_at": manifest.made_at, "sha256": manifest.sha256, "rehearsal": rehearsal}
    with transaction() as session:
        since = now if rehearsal else None
        session.execute(update(Heartbeat).where(Heartbeat.id == 1).values(rehearsal_since=since))
        session.execute(update(AlertNotice).values(next_try_at=None))  # they were told before
        audit.record(session, actor=by, what="database.restored", clinic_id=None, subject="database", facts=facts,
                     now=now)  # fmt: skip


@contextmanager
def readable(file: Path, manifest: Manifest, identity: Path | None) -> Iterator[Path]:
    """Give a backup as it can be read, decrypted for as long as that takes; raises CannotRestore or CopyFailed."""
    if not manifest.encrypted:
        yield file
        return
    if identity is None:
        raise CannotRestore(f"{file.name} is encrypted: say where the private key is (--identity FILE)")
    with decrypted(file, identity, beside=file.parent) as plain:
        yield plain


def _back_up(folder: Path, name: str, now: pendulum.DateTime, thoroughly: bool = True) -> Manifest:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    store, readers = db.engine.dialect.name, settings().backup_recipients
    suffix = SUFFIX[store] + (ENCRYPTED if readers else "")
    target = folder / f"{name}-{now.strftime('%Y%m%dT%H%M%S')}{now.microsecond // 1000:03d}Z{suffix}"
    plain, partial = (folder / f".{target.name}.{each}" for each in ("plain", "partial"))
    try:
        facts = _copy_sqlite(plain, thoroughly) if store == "sqlite" else _copy_postgres(plain)
        if readers:
            encrypt(plain, partial, readers)
        else:
            plain.replace(partial)
        size, digest = partial.stat().st_size, sha256_of(partial)
        partial.replace(target)
    finally:
        for rest in (plain, partial):
            rest.unlink(missing_ok=True)
    told: dict[str, Any] = {"made_at": now.isoformat(), "store": store, "bytes": size, "sha256": digest}
    told["encrypted"] = bool(readers)
    manifest = Manifest(file=target.name, **told, **facts)
    write_whole(folder / f"{target.name}.json", json.dumps(asdict(manifest), indent=2) + "\n")
    return manifest


def _copy_sqlite(target: Path, thoroughly: bool) -> dict[str, Any]:
    if not thoroughly:  # nobody stands by
        refuse_to_fill_the_disk(_sqlite_file(), target.parent)
    copy_sqlite(_sqlite_file(), target, thoroughly=thoroughly)
    with reading(target) as copy:
        return facts_of(lambda sql: copy.execute(sql).fetchall())


def _copy_postgres(target: Path) -> dict[str, Any]:
    with db.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        snapshot = str(connection.scalar(text("SELECT pg_export_snapshot()")))
        dump_postgres(*_address(), target, snapshot)
        return facts_of(lambda sql: _rows(connection, sql))


def _rows(connection: Connection, sql: str) -> Sequence[Any]:
    return connection.execute(text(sql)).all()


def facts_of(ask: Callable[[str], Sequence[Any]]) -> dict[str, Any]:
    """Return what a manifest says of a database's content; `ask` runs a statement there and returns its rows."""
    head = ask("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1")
    return {
        "schema": ask("SELECT version_num FROM alembic_version")[0][0],
        "audit_number": head[0][0] if head else Head().number,
        "audit_hash": head[0][1] if head else Head().hash,
        "counts": {t: ask(f'SELECT count(*) FROM "{t}"')[0][0] for t in sorted(Base.metadata.tables)},  # noqa: S608 - our own
    }


def _read(file: Path) -> Manifest | None:
    try:
        return Manifest(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def checked(file: Path) -> Manifest:
    """Return the manifest of a backup that is whole and fits this site; raises CannotRestore."""
    manifest = _read(file.with_name(f"{file.name}.json"))
    if manifest is None:
        raise CannotRestore(f"{file.name}.json, the backup's manifest, is not beside it or cannot be read")
    if not file.exists() or sha256_of(file) != manifest.sha256:
        raise CannotRestore(f"{file.name} is missing or is not the file that its manifest describes")
    if manifest.store != db.engine.dialect.name:
        raise CannotRestore(f"this backup is of {manifest.store}, the site runs on {db.engine.dialect.name}")
    if not list((ROOT / "migrations" / "versions").glob(f"{manifest.schema}_*.py")):
        raise CannotRestore(f"this backup is of a newer version of the site (schema {manifest.schema})")
    return manifest


def why_in_use(now: pendulum.DateTime) -> str:
    """Say who uses the database just now, so that it must not be put aside; empty when nobody does."""
    try:
        beat_at = health.pulse(now=now).beat_at
    except SQLAlchemyError:
        beat_at = None
    if beat_at is not None and beat_at > now.subtract(seconds=SERVING_SECONDS):
        return "a worker looked at this database a moment ago"
    db.session.remove()
    db.engine.dispose()
    return "another process has this database open" if _others() else ""


def _others() -> bool:
    if db.engine.dialect.name == "sqlite":
        return used_by_others(_sqlite_file())
    for _ in range(20):  # sessions of ours that have just ended are still listed for a moment
        with db.engine.connect() as connection:
            found = bool(connection.scalar(text(OTHERS)))
        if not found:
            break
        time.sleep(0.1)
    db.engine.dispose()
    return found


def _restore_sqlite(file: Path, manifest: Manifest, now: pendulum.DateTime) -> None:
    target = _sqlite_file()
    fresh = target.with_name(f"{target.name}.restoring")
    copy_sqlite(file, fresh)
    with reading(fresh) as copy:
        copy.execute(_hold(manifest, now, ""))
    sync_file(fresh)
    db.engine.dispose()
    if target.exists():
        used_by_others(target)  # folds the log into the file that is kept
    put_in_place(fresh, target, keep_as=target.with_name(f"{target.name}.before-{now.strftime('%Y%m%dT%H%M%S%f')}"))


def _hold(manifest: Manifest, now: pendulum.DateTime, zone: str) -> str:
    """Write the statement that puts the restored database on hold, before anybody can open it."""
    since, written = (f"{at.in_timezone('UTC').strftime('%Y-%m-%d %H:%M:%S.%f')}{zone}" for at in (manifest.made, now))
    why = f"restored from the backup of {manifest.made.strftime('%Y-%m-%d %H:%M')} UTC"
    return HOLD.format(since=since, now=written, why=why)


def _sqlite_file() -> Path:
    return Path(str(db.engine.url.database))


def _address() -> tuple[str, str]:
    """Return where PostgreSQL's programs find the database, as it was set, and the password."""
    url = make_url(settings().database_url)
    plain = url.set(drivername="postgresql")._replace(password=None)
    return plain.render_as_string(hide_password=False).replace("+", "%20"), str(url.password or "")
