"""The simulator's callback encryption against the official vectors, and against wechatpy both ways."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from wechatpy.enterprise.crypto import WeChatCrypto

from mindbot.sim.wecom.crypto import BadEnvelope, CallbackCipher, padding
from mindbot.sim.wecom.xml import cdata, from_xml, to_xml

# O1 and O2 are the sample of the encryption scheme page (document/path/90968); V1 to V5 were made with
# wechatpy and checked with a second library.
VECTORS = json.loads(Path(__file__).with_name("wecom_vectors.json").read_text("utf-8"))

TOKEN, KEY, CORP = "TestToken01", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "ww1234567890abcdef"
AWKWARD = ["", "x", "x" * 26, "你好，world", "a ]]> b & <c>", "😀" * 100, "line\r\nline\ttab", "y" * 5000]


@pytest.fixture
def crypto() -> CallbackCipher:
    return CallbackCipher(TOKEN, KEY, CORP)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_vectors(vector: dict[str, Any]) -> None:
    crypto = CallbackCipher(vector["token"], vector["key"], vector["receive_id"])
    message = vector["message"].encode()
    assert crypto.encrypt(message, random=vector["random"].encode()) == vector["encrypted"]
    assert crypto.decrypt(vector["encrypted"]) == message
    assert crypto.sign(vector["timestamp"], vector["nonce"], vector["encrypted"]) == vector["signature"]


@pytest.mark.parametrize("text", AWKWARD)
def test_wechatpy_reads_what_we_write(crypto: CallbackCipher, text: str) -> None:
    plain = to_xml({"FromUserName": "zhangsan", "Content": text, "MsgId": 7})
    encrypted = crypto.encrypt(plain.encode())
    signature = crypto.sign("1700000000", "n1", encrypted)
    referee = WeChatCrypto(TOKEN, KEY, CORP)
    read = referee.decrypt_message({"Encrypt": encrypted}, signature, "1700000000", "n1")
    assert read == plain


@pytest.mark.parametrize("text", AWKWARD)
def test_we_read_what_wechatpy_writes(crypto: CallbackCipher, text: str) -> None:
    body = WeChatCrypto(TOKEN, KEY, CORP).encrypt_message(to_xml({"Content": text}), "n2", "1700000000")
    outer = from_xml(body.encode())
    assert outer["MsgSignature"] == crypto.sign(outer["TimeStamp"], outer["Nonce"], outer["Encrypt"])
    # XML itself turns CR LF into LF.
    assert from_xml(crypto.decrypt(outer["Encrypt"]))["Content"] == text.replace("\r\n", "\n")


def test_padding_is_never_empty() -> None:
    assert [padding(n) for n in (0, 1, 31, 32, 33)] == [32, 31, 1, 32, 31]


@pytest.mark.parametrize(
    "make",
    [
        lambda c: c.encrypt(b"hello", pad=0),
        lambda c: c.encrypt(b"hello", pad=33),
        lambda c: c.encrypt(b"hello", receive_id=b"ww_other"),
        lambda c: c.encrypt(b"hello")[:-5],
        lambda c: c.encrypt(b"hello")[4:],
        lambda c: "not base64 at all!",
        lambda c: "",
    ],
)
def test_decrypt_refuses(crypto: CallbackCipher, make: Any) -> None:
    with pytest.raises(BadEnvelope):
        crypto.decrypt(make(crypto))


def test_a_length_beyond_the_end_is_refused(crypto: CallbackCipher) -> None:
    key = base64.b64decode(KEY + "=")
    plain = b"0" * 16 + (1000).to_bytes(4, "big") + b"short"
    plain += bytes([padding(len(plain))]) * padding(len(plain))
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    forged = base64.b64encode(encryptor.update(plain) + encryptor.finalize()).decode()
    with pytest.raises(BadEnvelope, match="length"):
        crypto.decrypt(forged)


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE xml [<!ENTITY a "b">]><xml><Encrypt>&a;</Encrypt></xml>',
        b'<!DOCTYPE xml SYSTEM "http://127.0.0.1/x.dtd"><xml/>',
        b"<xml><Encrypt>",
        b"no xml",
        b"",
    ],
)
def test_xml_refuses_dtds_and_garbage(body: bytes) -> None:
    with pytest.raises(BadEnvelope):
        from_xml(body)


def test_xml_carries_numbers_bare_and_nests() -> None:
    xml = to_xml({"CreateTime": 5, "Items": {"Item": [{"Key": "a"}, {"Key": "b"}]}})
    items = "<Item><Key><![CDATA[a]]></Key></Item><Item><Key><![CDATA[b]]></Key></Item>"
    assert xml == f"<xml><CreateTime>5</CreateTime><Items>{items}</Items></xml>"
    assert cdata("a\x00b]]>") == "<![CDATA[ab]]]]><![CDATA[>]]>"
