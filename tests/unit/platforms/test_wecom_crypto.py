"""Signature and encryption against the official samples, an independent implementation, and chance."""

import base64

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from hypothesis import given, settings
from hypothesis import strategies as st
from wechatpy.enterprise.crypto import WeChatCrypto
from wecom_vectors import BY_NAME, VECTORS, Vector

from mindbot.domain.errors import ConfigError
from mindbot.platforms.wecom_shared.crypto import Crypto
from mindbot.platforms.wecom_shared.refusals import Undecryptable, WrongReceiver, WrongSignature

V1 = BY_NAME["V1"]


def crypto_of(vector: Vector) -> Crypto:
    return Crypto(vector.token, vector.key, vector.receive_id)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v.name)
def test_vectors_both_ways(vector: Vector) -> None:
    crypto = crypto_of(vector)
    assert crypto.sign(vector.timestamp, vector.nonce, vector.encrypted) == vector.signature
    assert crypto.decrypt(vector.encrypted) == vector.plain
    assert crypto.encrypt(vector.plain, salt=vector.salt) == vector.encrypted


def test_wechatpy_reads_what_we_write() -> None:
    encrypted = crypto_of(V1).encrypt("你好 <b>&</b>".encode())
    signature = crypto_of(V1).sign("1700000000", "n", encrypted)
    referee = WeChatCrypto(V1.token, V1.key, V1.receive_id)
    read = referee.decrypt_message({"Encrypt": encrypted}, signature, "1700000000", "n")
    assert read == "你好 <b>&</b>"


def test_we_read_what_wechatpy_writes() -> None:
    from mindbot.platforms.wecom.wire import parse_xml

    referee = WeChatCrypto(V1.token, V1.key, V1.receive_id)
    envelope = parse_xml(referee.encrypt_message("你好", "n7", "1700000000").encode())
    crypto = crypto_of(V1)
    crypto.check(envelope["MsgSignature"], envelope["TimeStamp"], envelope["Nonce"], envelope["Encrypt"])
    assert crypto.decrypt(envelope["Encrypt"]) == "你好".encode()


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("signature", V1.signature.upper()),
        ("signature", V1.signature[:-1]),
        ("signature", "签名"),
        ("signature", "\ud800"),
        ("timestamp", "1700000002"),
        ("nonce", "nonce"),
        ("encrypted", V1.encrypted[:-4]),
        ("nonce", "\udfff"),
    ],
)
def test_anything_changed_is_a_wrong_signature(change: str, value: str) -> None:
    parts = {
        "signature": V1.signature,
        "timestamp": V1.timestamp,
        "nonce": V1.nonce,
        "encrypted": V1.encrypted,
    }
    with pytest.raises(WrongSignature):
        crypto_of(V1).check(**(parts | {change: value}))


def forged(plain: bytes) -> str:
    key = base64.b64decode(V1.key + "=")
    encryptor = Cipher(AES(key), CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(plain) + encryptor.finalize()).decode()


HEAD = b"0" * 16
RECEIVER = V1.receive_id.encode()


@pytest.mark.parametrize(
    "encrypted",
    [
        "",
        "=",
        "A",
        "你好",
        V1.encrypted[:-4],
        V1.encrypted[:40],
        base64.b64encode(b"x" * 16).decode(),
        forged(HEAD + b"\0\0\0\1x" + RECEIVER + b"\0" * 25),
        forged(HEAD + b"\0\0\0\1x" + RECEIVER + b"\x21" * 25),
        forged(HEAD + b"\0\0\0\1x" + RECEIVER + b"\xff" * 25),
        forged(HEAD + b"\x20" * 16),
        forged(HEAD + b"\xff\xff\xff\xff" + b"x" * 11 + b"\1"),
        forged(HEAD + b"\0\0\0\x0c" + b"x" * 11 + b"\1"),
    ],
    ids=["empty", "pad-only", "one", "not-ascii", "cut", "short", "half-block", "pad-0", "pad-33", "pad-255",
         "pad-into-head", "length-huge", "length-by-one"],
)  # fmt: skip
def test_impossible_ciphertext_is_refused(encrypted: str) -> None:
    with pytest.raises(Undecryptable):
        crypto_of(V1).decrypt(encrypted)


@pytest.mark.parametrize("receiver", ["", "ww1234567890abcde", "ww1234567890abcdefg", "suite"])
def test_somebody_elses_message_is_refused(receiver: str) -> None:
    theirs = Crypto(V1.token, V1.key, receiver).encrypt(b"hello")
    with pytest.raises(WrongReceiver) as caught:
        crypto_of(V1).decrypt(theirs)
    assert ("`corpid`" if receiver else "AI bot") in caught.value.hint
    with pytest.raises(WrongReceiver) as caught:
        Crypto(V1.token, V1.key, "other", for_another="there is no corpid").decrypt(theirs)
    assert not receiver or caught.value.hint == "there is no corpid"


@pytest.mark.parametrize("key", ["", "short", V1.key + "A", V1.key[:-1], "鍵" * 43, "!" * 43])
def test_unusable_key_is_a_config_error_that_does_not_show_it(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Crypto("t", key, "corp")
    assert not key or key not in str(caught.value)


def test_same_message_encrypts_differently_each_time() -> None:
    assert crypto_of(V1).encrypt(b"x") != crypto_of(V1).encrypt(b"x")


def check_round_trip(message: bytes, receiver: str) -> None:
    crypto = Crypto("t", V1.key, receiver)
    assert crypto.decrypt(crypto.encrypt(message)) == message


ASCII = st.text(st.characters(codec="ascii"), max_size=40)


@settings(max_examples=50)
@given(st.binary(max_size=200), ASCII)
def test_round_trip(message: bytes, receiver: str) -> None:
    check_round_trip(message, receiver)


@pytest.mark.full
@settings(max_examples=5000, deadline=None)
@given(st.binary(max_size=5000), ASCII)
def test_round_trip_at_length(message: bytes, receiver: str) -> None:
    check_round_trip(message, receiver)
