"""Encrypted files (age, https://age-encryption.org/v1), to public keys; the private one is not on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pyrage

from reminder_site.gateways.copies import CopyFailed, sync_file

SUFFIX = ".age"


def encrypt(source: Path, target: Path, recipients: str) -> None:
    """Write a file that only the recipients (public keys with commas between them) can read; raises CopyFailed."""
    try:
        readers = [pyrage.x25519.Recipient.from_str(each.strip()) for each in recipients.split(",")]
        pyrage.encrypt_file(str(source), str(target), readers)
    except (pyrage.RecipientError, pyrage.EncryptError, OSError) as error:
        raise CopyFailed(f"{source.name} could not be encrypted: {error}") from error
    target.chmod(0o600)
    sync_file(target)


@contextmanager
def decrypted(file: Path, identity: Path, *, beside: Path) -> Iterator[Path]:
    """Decrypt a file into a folder `beside` others, and remove what was decrypted; raises CopyFailed.

    `identity` is a file as age-keygen writes it: private keys, one a line, and comments.
    """
    with TemporaryDirectory(dir=beside, prefix=".decrypted-") as folder:
        plain = Path(folder) / file.name.removesuffix(SUFFIX)
        plain.touch(mode=0o600)
        try:
            lines = [line.strip() for line in identity.read_text().splitlines()]
            keys = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
            if not keys:
                raise CopyFailed(f"{identity.name} holds no private key")
            pyrage.decrypt_file(str(file), str(plain), keys)
        except (pyrage.IdentityError, pyrage.DecryptError, OSError, UnicodeDecodeError) as error:
            raise CopyFailed(f"{file.name} could not be decrypted with {identity.name}: {error}") from error
        yield plain
