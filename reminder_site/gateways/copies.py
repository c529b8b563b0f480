"""Whole copies of a database: SQLite by its online backup, PostgreSQL by pg_dump and psql. Knows no tables."""

import hashlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from reminder_site.gateways.data_folder import sync_folder

ROOM_FOR_COPIES = 4  # times the database: the copy, its encrypted twin, and as much again to go on with
# Only what is the site's: the schema, and what extensions brought, may belong to somebody else.
CLEAR = """
DO $$ DECLARE each record; BEGIN
FOR each IN SELECT format('public.%I', c.relname) AS name,
  CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind
  FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S')
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('e', 'a', 'i'))
LOOP EXECUTE format('DROP %s IF EXISTS %s CASCADE', each.kind, each.name); END LOOP;
FOR each IN SELECT p.oid::regprocedure AS name FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
LOOP EXECUTE format('DROP ROUTINE IF EXISTS %s CASCADE', each.name); END LOOP;
END $$
"""


class CopyFailed(Exception):
    """A copy could not be made, read or put in place; the message says why, for the operator."""


@contextmanager
def reading(file: Path) -> Iterator[sqlite3.Connection]:
    """Open a SQLite file that exists; raises CopyFailed on what SQLite says against it."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=rw", uri=True, isolation_level=None)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise CopyFailed(f"{file.name}: {error}") from error


def copy_sqlite(source: Path, target: Path, *, thoroughly: bool = True) -> None:
    """Copy a database that may be in use, check the copy, and have it on disk; raises CopyFailed.

    Not `thoroughly`: indexes are not compared with their tables, which takes most of the time.
    """
    target.unlink(missing_ok=True)
    try:
        with reading(source) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
            new.execute("PRAGMA journal_mode=DELETE")
            found = new.execute(f"PRAGMA {'integrity' if thoroughly else 'quick'}_check").fetchall()
    except (sqlite3.Error, OSError) as error:
        raise CopyFailed(f"{source.name} could not be copied: {error}") from error
    if found != [("ok",)]:
        raise CopyFailed(f"{source.name} is damaged: {found[0][0]}")
    target.chmod(0o600)
    sync_file(target)


def refuse_to_fill_the_disk(source: Path, folder: Path) -> None:
    """Raise CopyFailed where copies of a database could take the room that the database itself needs to go on."""
    free, needed = shutil.disk_usage(folder).free, ROOM_FOR_COPIES * source.stat().st_size
    if free < needed:
        raise CopyFailed(f"{free:,} bytes are free in {folder}, {needed:,} are needed so that the site can go on")


def used_by_others(file: Path) -> bool:
    """Say whether another process has a SQLite database open; if none has, its log is folded into the file."""
    with closing(sqlite3.connect(file, timeout=0.2, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError:
            return True
        except sqlite3.DatabaseError:
            return False  # too damaged to be in use
    return False


def put_in_place(fresh: Path, file: Path, keep_as: Path) -> None:
    """Replace a SQLite database that nobody uses in one step, keeping the old one under another name."""
    while keep_as.exists():
        keep_as = keep_as.with_name(f"{keep_as.name}-2")
    if file.exists():
        os.link(file, keep_as)
    for rest in ("-wal", "-shm"):
        Path(f"{file}{rest}").unlink(missing_ok=True)
    fresh.replace(file)
    sync_folder(file.parent)


def dump_postgres(address: str, password: str, target: Path, snapshot: str) -> None:
    """Write a PostgreSQL database, as of an exported snapshot, to a file; raises CopyFailed."""
    wanted = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", f"--file={target}"]
    _run("pg_dump", password, *wanted, f"--dbname={address}")
    target.chmod(0o600)
    sync_file(target)


def load_postgres(address: str, password: str, file: Path, last_step: str) -> None:
    """Replace all of a PostgreSQL database by a dump and take one more step, all or nothing; raises CopyFailed."""
    script = file.with_suffix(".restoring.sql")
    try:
        _run("pg_restore", password, "--no-owner", "--no-privileges", "--schema=public", f"--file={script}", str(file))
        quiet = ["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--single-transaction"]
        steps = [f"--command={CLEAR}", f"--file={script}", f"--command=SET search_path = public; {last_step}"]
        _run("psql", password, *quiet, *steps, f"--dbname={address}")
    finally:
        script.unlink(missing_ok=True)


def sha256_of(file: Path) -> str:
    """Return the SHA-256 (hex) of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def sync_file(file: Path) -> None:
    """Have a file on disk."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())


def _run(program: str, password: str, *arguments: str) -> None:
    found = shutil.which(program)
    if found is None:
        raise CopyFailed(f"{program} is not on this machine: install PostgreSQL's client programs")
    env = {**os.environ, "PGPASSWORD": password} if password else dict(os.environ)
    done = subprocess.run([found, *arguments], env=env, capture_output=True, text=True)
    if done.returncode:
        raise CopyFailed(f"{program} failed: {done.stderr.strip()}")
