"""A passkey's device in software (WebAuthn, ES256, no attestation), which can also do what it must not."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, WITH_KEY = 0x01, 0x04, 0x40


class Authenticator:
    """One device with one key."""

    def __init__(self, origin="http://localhost", host="localhost", verifies=True, counts=True):
        self.origin, self.host, self.verifies, self.counts = origin, host, verifies, counts
        self.key, self.id, self.used = ec.generate_private_key(ec.SECP256R1()), secrets.token_bytes(32), 0

    def create(self, options):
        """Answer a page that asks for a new passkey."""
        numbers = self.key.public_key().public_numbers()
        x, y = (number.to_bytes(32) for number in (numbers.x, numbers.y))
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        with_key = bytes(16) + len(self.id).to_bytes(2) + self.id + cose
        attested = {"fmt": "none", "attStmt": {}, "authData": self._said(WITH_KEY) + with_key}
        return self._answer("webauthn.create", options, lambda _: {"attestationObject": cbor2.dumps(attested)})

    def get(self, options, user=b"-"):
        """Answer a page that asks to sign in."""
        self.used += self.counts
        said = self._said()

        def signed(client_data):
            what = said + hashlib.sha256(client_data).digest()
            signature = self.key.sign(what, ec.ECDSA(hashes.SHA256()))
            return {"authenticatorData": said, "signature": signature, "userHandle": user}

        return self._answer("webauthn.get", options, signed)

    def _said(self, more=0):
        flags = PRESENT | (VERIFIED if self.verifies else 0) | more
        return hashlib.sha256(self.host.encode()).digest() + bytes([flags]) + self.used.to_bytes(4)

    def _answer(self, kind, options, response):
        asked = json.loads(options)["challenge"]
        client_data = json.dumps(
            {"type": kind, "challenge": asked, "origin": self.origin, "crossOrigin": False}
        ).encode()
        told = {name: encoded(value) for name, value in response(client_data).items()}
        told["clientDataJSON"] = encoded(client_data)
        mine = {"id": encoded(self.id), "rawId": encoded(self.id), "type": "public-key"}
        return json.dumps({**mine, "response": told, "clientExtensionResults": {}})


def encoded(raw):
    """Write bytes as browsers do (base64url without padding)."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text):
    """Read what browsers write."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
