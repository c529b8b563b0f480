"""Which files are tried: where the promises are kept."""

from tests.mutants.finding import mutations_of
from tests.mutants.place import ROOT

SITE = ROOT / "reminder_site"
RULES = ("delivery", "message_state", "throttle", "planning", "answers", "dialogue", "roles")
# Folders and files that come under another name are found here as well; one that is gone is passed by.
TRIED = (
    "actions/**/*.py",
    "queries/**/*.py",
    "gateways/**/*.py",
    "worker/**/*.py",
    "worker.py",
    "handing_over.py",
    "safeguards.py",
    *(f"domain/{name}.py" for name in RULES),
    "domain/delivery/*.py",
    "domain/answers/*.py",
    "domain/planning/*.py",
    *(f"web/{name}.py" for name in ("access", "security", "sessions", "limits", "redirects")),
    "web/pages/manage.py",
    "web/webhooks/*.py",
)


def files(wanted=()):
    """List the files that are tried, or those of them that were asked for, from the root of the project."""
    found = sorted({str(path.relative_to(ROOT)) for pattern in TRIED for path in SITE.glob(pattern)})
    named = [_named(name, found) for name in wanted]
    return sorted({file for some in named for file in some}) if wanted else found


def _named(name, found):
    """Find a file by its path from the root or from the site, or all of a folder."""
    path = name.removeprefix("reminder_site/").rstrip("/")
    some = [file for file in found if file == f"reminder_site/{path}" or file.startswith(f"reminder_site/{path}/")]
    if not some:
        raise ValueError(f"{name} is not among the files that are tried")
    return some


def all_mutations(wanted=()):
    """List all that can be taken out of these files."""
    return [mutation for file in files(wanted) for mutation in mutations_of(file, (ROOT / file).read_text())]
