"""WeCom's callback signature and encryption.

Source: WeCom developer centre, "Encryption and decryption scheme" (path/90968) and its sample code. The
plaintext is 16 random bytes, the message's length (4 bytes, big endian), the message and the receive id;
AES-256-CBC with the first 16 bytes of the key as IV; padding as PKCS#7 with blocks of 32 bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from mindbot.domain.errors import ConfigError
from mindbot.platforms.wecom_shared.refusals import Undecryptable, WrongReceiver, WrongSignature

_BLOCK = 32  # of the padding; AES itself works on 16
_HEAD = 20  # random bytes and length
_ANOTHER_KEY = "compare `EncodingAESKey` with the callback settings"
OF_AI_BOT = "these are callbacks of an AI bot: they go to the URL of a `wecombot` bot"
_FOR_ANOTHER = "compare `corpid` with My Company > Company ID (企业ID)"


class Crypto:
    """Signs, checks, encrypts and decrypts for one Token, EncodingAESKey and receive id (the corp id)."""

    def __init__(
        self, token: str, encoding_aes_key: str, receive_id: str, *, for_another: str = _FOR_ANOTHER
    ) -> None:
        """Parse the key. ``for_another`` is the hint for what was encrypted for another receive id.

        Raises:
            ConfigError: EncodingAESKey is not 43 characters of base64.
        """
        key = _parse_key(encoding_aes_key)
        self._token = token.encode()
        self._receive_id = receive_id.encode()
        self._for_another = for_another
        self._cipher = Cipher(AES(key), CBC(key[:16]))

    def sign(self, timestamp: str, nonce: str, encrypted: str) -> str:
        """Return ``msg_signature``: SHA-1 over Token, timestamp, nonce and ciphertext, sorted bytewise."""
        parts = [self._token, _bytes(timestamp), _bytes(nonce), _bytes(encrypted)]
        parts.sort()
        return hashlib.sha1(b"".join(parts), usedforsecurity=False).hexdigest()

    def check(self, signature: str, timestamp: str, nonce: str, encrypted: str) -> None:
        """Compare in constant time.

        Raises:
            WrongSignature: it was not made with our Token.
        """
        if not hmac.compare_digest(self.sign(timestamp, nonce, encrypted).encode(), _bytes(signature)):
            raise WrongSignature("wrong signature", hint="compare `token` with the callback settings")

    def decrypt(self, encrypted: str) -> bytes:
        """Return the message inside base64 ciphertext.

        Raises:
            Undecryptable: not base64, not whole blocks, or the padding or length is impossible.
            WrongReceiver: it was encrypted for another receive id.
        """
        try:
            data = binascii.a2b_base64(_bytes(encrypted))
        except binascii.Error as error:
            raise Undecryptable("the ciphertext is not base64") from error
        if len(data) < _BLOCK or len(data) % 16:
            raise Undecryptable("the ciphertext is not whole blocks")
        decryptor = self._cipher.decryptor()
        plain = decryptor.update(data) + decryptor.finalize()
        end = len(plain) - plain[-1]
        if not 1 <= plain[-1] <= _BLOCK or end < _HEAD:
            raise Undecryptable("impossible padding", hint=_ANOTHER_KEY)
        length = int.from_bytes(plain[16:_HEAD], "big")
        if _HEAD + length > end:
            raise Undecryptable("impossible length", hint=_ANOTHER_KEY)
        if (receiver := plain[_HEAD + length : end]) != self._receive_id:
            raise WrongReceiver("wrong receive id", hint=self._for_another if receiver else OF_AI_BOT)
        return plain[_HEAD : _HEAD + length]

    def encrypt(self, message: bytes, *, salt: bytes | None = None) -> str:
        """Return base64 ciphertext of a message; ``salt`` are the 16 random bytes, chosen when not given."""
        plain = (salt or os.urandom(16)) + len(message).to_bytes(4, "big") + message + self._receive_id
        pad = _BLOCK - len(plain) % _BLOCK
        encryptor = self._cipher.encryptor()
        data = encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()
        return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    """Encode what came in over the wire; lone surrogates of a badly decoded query must not raise."""
    return text.encode("utf-8", "replace")


def _parse_key(text: str) -> bytes:
    """Decode leniently: 43 characters leave two spare bits, which the official sample key sets."""
    try:
        key = binascii.a2b_base64(text.encode() + b"=")
    except binascii.Error:
        key = b""
    if len(text) != 43 or len(key) != 32:
        raise ConfigError(
            f"EncodingAESKey is not usable: {len(text)} characters",
            hint="43 letters and digits, from the app's settings for receiving messages",
        )
    return key
