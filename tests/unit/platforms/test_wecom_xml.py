"""XML around what people type: all of it is read, what is no XML is refused, and nothing blows up."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindbot.platforms.wecom_shared import xml
from mindbot.platforms.wecom_shared.refusals import Malformed
from mindbot.platforms.wecom_shared.xml import parse_xml


@pytest.mark.parametrize(
    ("inside", "read"),
    [
        (b"<![CDATA[log \x1b[0m\x00]]>", "log \ufffd[0m\ufffd"),
        (b"<![CDATA[cut \xe4\xbd]]>", "cut \ufffd"),
        (b"<![CDATA[\xef\xbf\xbe\xef\xbf\xbf]]>", "\ufffd\ufffd"),
        (b"<![CDATA[\xed\xa0\xbd\xed\xb8\x80 \xed\xa0\xbd]]>", "😀 \ufffd"),
        (b"<![CDATA[a[b[0]]>1]]>", "a[b[0]]>1"),
        (b"<![CDATA[&#0; &amp; <b> \x01]]>", "&#0; &amp; <b> \ufffd"),
        (b"a &#0; &#27; &#xD800; &#65;", "a \ufffd \ufffd \ufffd A"),
        (b"http://x/?a=1&b=2&amp;c&nbsp;", "http://x/?a=1&b=2&c&nbsp;"),
        (b"a ]]> b", "a ]]> b"),
        (b"&#99999999;", "\ufffd"),
    ],
)
def test_what_people_type_is_read(inside: bytes, read: str) -> None:
    assert parse_xml(b"<xml><Content>" + inside + b"</Content><MsgId>1</MsgId></xml>") == {
        "Content": read,
        "MsgId": "1",
    }


@given(st.text(st.characters(codec=None, exclude_characters="\r"), max_size=40), st.booleans())
@settings(deadline=None)
def test_any_text_in_cdata_comes_through(text: str, whole: bool) -> None:
    data = f"<xml><Content><![CDATA[{text}]]></Content></xml>".encode("utf-8", "surrogatepass")
    data = data if whole else data.replace(b"\xbd", b"")
    found = parse_xml(data)["Content"]
    assert isinstance(found, str) and found.encode().decode() == found
    if text.isprintable() and whole:
        assert found == text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<xml>",
        b'{"a": 1}',
        b'<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><xml><A>&b;</A></xml>',
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><A>&a;\x01</A></xml>',
        b"<a>" * 40 + b"</a>" * 40,
        b"<xml>" + b"<a/>" * 6000 + b"</xml>",
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_xml(data)


def test_a_strangers_envelope_is_not_mended() -> None:
    with pytest.raises(Malformed):
        parse_xml(b"<xml><Encrypt>a & b</Encrypt></xml>", mend=False)
    with pytest.raises(Malformed):
        parse_xml(b"<a><![CDATA[" * 80_000, mend=False)  # mended, it would take minutes


def test_no_memory_is_not_the_senders_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml, "_NO_MEMORY", 3)  # "no element found" stands in for it
    with pytest.raises(MemoryError):
        parse_xml(b"<xml>")
