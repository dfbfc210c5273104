"""Decrypt what users sent, as it is downloaded.

Source: WeCom developer centre, "Receiving messages" of AI bots (path/100719): AES-256-CBC, the first 16 bytes
of the key as IV, padding as PKCS#7 with blocks of 32 bytes, nothing around the content.
"""

from __future__ import annotations

import binascii
from collections.abc import AsyncGenerator, AsyncIterable

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from mindbot.domain.errors import Rejected
from mindbot.domain.host import Through

_BLOCK = 32


def decryption(key: str) -> Through:
    """Return what decrypts with a key: 32 bytes as base64, with or without padding.

    Raises:
        Rejected: it is none.
    """
    text = key.strip().rstrip("=")
    try:
        # Lenient: an EncodingAESKey has spare bits, and they need not be zero.
        secret = binascii.a2b_base64(text.encode("utf-8", "replace") + b"=" * (-len(text) % 4))
    except binascii.Error:
        secret = b""
    if len(secret) != 32:
        raise Rejected("the key of the file is not usable", hint="compare EncodingAESKey")

    async def decrypted(chunks: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
        decryptor = Cipher(AES(secret), CBC(secret[:16])).decryptor()
        held = b""  # the padding is in the last 32 bytes
        async for chunk in chunks:
            held += decryptor.update(chunk)
            if len(held) > _BLOCK:
                yield held[:-_BLOCK]
                held = held[-_BLOCK:]
        try:
            held += decryptor.finalize()
        except ValueError as error:
            raise Rejected("the file is not whole blocks of ciphertext", hint="was it cut?") from error
        pad = held[-1] if held else 0
        if not 1 <= pad <= min(_BLOCK, len(held)) or held[-pad:] != bytes([pad]) * pad:
            raise Rejected("the file cannot be decrypted", hint="compare EncodingAESKey with the bot's")
        if rest := held[:-pad]:
            yield rest

    return decrypted
