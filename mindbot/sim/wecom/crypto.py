"""WeCom's callback encryption, written for the simulator alone: the adapter has its own.

Source: "Encryption and decryption scheme" (developer.work.weixin.qq.com, document/path/90968): AES-256-CBC,
IV = first half of the key, PKCS#7 padding to 32 bytes, plaintext = 16 random bytes, 4-byte big-endian
length, message, receiveid; signature = SHA-1 over the sorted token, timestamp, nonce and ciphertext.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_BLOCK = 32


class BadEnvelope(ValueError):
    """Something encrypted or signed that cannot be accepted; the text says why."""


def padding(length: int) -> int:
    """Return how many padding bytes (1 to 32) a plaintext of this length gets."""
    return _BLOCK - length % _BLOCK


class CallbackCipher:
    """The callback secrets of one application."""

    def __init__(self, token: str, encoding_aes_key: str, receive_id: str) -> None:
        # The 43 characters carry two spare bits, which official sample keys do not leave at zero.
        self._key = base64.b64decode(encoding_aes_key + "=")
        if len(self._key) != 32:
            raise ValueError("EncodingAESKey has 43 letters and digits")
        self._cipher = Cipher(algorithms.AES(self._key), modes.CBC(self._key[:16]))
        self._token = token
        self._receive_id = receive_id.encode()

    def sign(self, timestamp: str, nonce: str, encrypted: str) -> str:
        """Return the ``msg_signature``."""
        joined = "".join(sorted((self._token, timestamp, nonce, encrypted)))
        return hashlib.sha1(joined.encode(), usedforsecurity=False).hexdigest()

    def encrypt(
        self, message: bytes, *, random: bytes = b"", receive_id: bytes | None = None, pad: int | None = None
    ) -> str:
        """Return the ciphertext in base64.

        ``random`` (16 bytes) is fixed by tests alone; a wrong ``receive_id`` or ``pad`` value makes a
        message that a receiver must refuse.
        """
        owner = self._receive_id if receive_id is None else receive_id
        plain = (random or os.urandom(16)) + len(message).to_bytes(4, "big") + message + owner
        count = padding(len(plain))
        plain += bytes([count if pad is None else pad]) * count
        encryptor = self._cipher.encryptor()
        return base64.b64encode(encryptor.update(plain) + encryptor.finalize()).decode()

    def decrypt(self, encrypted: str) -> bytes:
        """Return the message.

        Raises:
            BadEnvelope: not base64, wrong length, wrong padding, or meant for another receiver.
        """
        try:
            data = base64.b64decode(encrypted, validate=True)
        except binascii.Error as exc:
            raise BadEnvelope("not base64") from exc
        if not data or len(data) % _BLOCK:
            raise BadEnvelope(f"{len(data)} bytes of ciphertext, not a multiple of {_BLOCK}")
        decryptor = self._cipher.decryptor()
        plain = decryptor.update(data) + decryptor.finalize()
        count = plain[-1]
        if not 1 <= count <= _BLOCK or plain[-count:] != bytes([count]) * count:
            raise BadEnvelope("wrong padding")
        plain = plain[:-count]
        end = 20 + int.from_bytes(plain[16:20], "big")
        if len(plain) < end:
            raise BadEnvelope("shorter than its own length field")
        if plain[end:] != self._receive_id:
            raise BadEnvelope("meant for another receiver")
        return plain[20:end]
