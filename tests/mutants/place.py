"""A copy of the project to take things out of, so that the project itself is never touched."""

import os
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEFT_BEHIND = shutil.ignore_patterns("__pycache__", "*.pyc")
COPIED = ("reminder_site", "migrations", "templates", "static", "tests", "wsgi.py", "pyproject.toml")
TESTS = ("tests/domain", "tests/actions", "tests/queries", "tests/web", "tests/gateways", "tests/flows", "tests/cli",
         "tests/commands")  # fmt: skip
A_MOMENT_NS = 10_000_000_000


class Place:
    """One copy. A changed file gets another time-stamp, so that no compiled file of before is taken for it."""

    def __init__(self, folder, project=ROOT):
        self.folder = Path(folder) / "copy"
        self.folder.mkdir()
        for source in (project / name for name in COPIED):
            if source.is_dir():
                shutil.copytree(source, self.folder / source.name, ignore=LEFT_BEHIND)
            elif source.exists():
                shutil.copy2(source, self.folder / source.name)
        shared = project.parent / "shared"
        if shared.exists():
            (Path(folder) / "shared").symlink_to(shared)

    def change(self, mutation):
        """Take something out; returns what puts it back."""
        file = self.folder / mutation.file
        whole, stamps = file.read_text(), file.stat()
        file.write_text(mutation.applied_to(whole))
        os.utime(file, ns=(stamps.st_atime_ns, stamps.st_mtime_ns + A_MOMENT_NS))

        def put_back():
            file.write_text(whole)
            os.utime(file, ns=(stamps.st_atime_ns, stamps.st_mtime_ns))

        return put_back
