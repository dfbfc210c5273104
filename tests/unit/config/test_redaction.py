"""Planted secrets come out masked in every spelling; what only looks like one is masked too."""

from __future__ import annotations

import base64
import itertools
import json
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot.telemetry.redaction import LONGEST_REASON, MASK, Redactor, told
from mindbot.telemetry.speaking import Speaking

PLANTED = 'p@ss wörd/"quoted"\\&=+密码'


@pytest.fixture
def redactor() -> Redactor:
    masks = Redactor()
    masks.register(PLANTED)
    return masks


@pytest.mark.parametrize(
    "text",
    [
        PLANTED,
        f"before{PLANTED}after",
        repr(PLANTED),
        json.dumps({"x": PLANTED}),
        json.dumps({"x": PLANTED}, ensure_ascii=False),
        "https://h/?" + urlencode({"x": PLANTED}),
        "https://h/" + quote(PLANTED),
        quote(PLANTED, safe=""),
        quote_plus(PLANTED),
        base64.b64encode(PLANTED.encode()).decode(),
        f"{ValueError(PLANTED)!r}",
    ],
)
def test_a_planted_secret_is_found_in_any_spelling(redactor: Redactor, text: str) -> None:
    masked = redactor.redact(text)
    assert MASK in masked
    assert "p@ss" not in masked and "quoted" not in masked and "密码" not in masked


def test_json_is_masked_whatever_its_shape(redactor: Redactor) -> None:
    value = {"a": [PLANTED, {"b": f"x{PLANTED}"}, (1, PLANTED)], PLANTED: 1, "n": None, "api_key": "short"}
    assert redactor.redact(value) == {
        "a": [MASK, {"b": f"x{MASK}"}, [1, MASK]],
        MASK: 1,
        "n": None,
        "api_key": MASK,
    }


def test_the_longest_secret_wins_and_too_short_ones_are_none() -> None:
    masks = Redactor()
    for value in ("abcd", "abcdefgh", "abc", ""):
        masks.register(value)
    assert masks.redact("abcdefgh abcd abc") == f"{MASK} {MASK} abc"


def test_the_lines_of_a_private_key_are_masked_one_by_one() -> None:
    masks = Redactor()
    masks.register("-----BEGIN-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END-----")
    assert masks.redact("line: AQEFAASCBKcwggSjAgEAAoIB") == f"line: {MASK}"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Authorization: Bearer abc.def-123", f"Authorization: Bearer {MASK}"),
        ("authorization: Basic dXNlcjpwYXNz", f"authorization: Basic {MASK}"),
        ("got Bearer abcdef123456, no more", f"got Bearer {MASK}, no more"),
        ("/cgi-bin/gettoken?corpid=ww1&corpsecret=s3cr", f"/cgi-bin/gettoken?corpid=ww1&corpsecret={MASK}"),
        ("?access_token=AT&x=1 failed", f"?access_token={MASK}&x=1 failed"),
        ("/webhook/send?key=693a91f6-7xxx", f"/webhook/send?key={MASK}"),
        ('{"access_token": "AT", "errcode": 0}', f'{{"access_token": "{MASK}", "errcode": 0}}'),
        ('{\\"appSecret\\": \\"x y\\"}', f'{{\\"appSecret\\": \\"{MASK}\\"}}'),
        ("{'clientSecret': 'cs', 'n': 1}", f"{{'clientSecret': '{MASK}', 'n': 1}}"),
        ("x-acs-dingtalk-access-token: abc", f"x-acs-dingtalk-access-token: {MASK}"),
        ("x-api-key: abc", f"x-api-key: {MASK}"),
        ("key sk-abcdefghijklmnop1234", f"key sk-{MASK}"),
        ("postgresql://me:pw@db/x", f"postgresql://me:{MASK}@db/x"),
        ("redis://:pw@h", f"redis://:{MASK}@h"),
        ("EncodingAESKey=abcdef", f"EncodingAESKey={MASK}"),
        (
            "POST /cgi-bin/aibot/response?response_code=RC9 HTTP/1.1",
            f"POST /cgi-bin/aibot/response?response_code={MASK} HTTP/1.1",
        ),
        ("https://h/robot/sendBySession?session=5e1f", f"https://h/robot/sendBySession?session={MASK}"),
        ("{'response_code': 'RC9'}", f"{{'response_code': '{MASK}'}}"),
        ('{"welcome_code":"WC9","msg_code": "MC9"}', f'{{"welcome_code":"{MASK}","msg_code": "{MASK}"}}'),
        ('{"image": {"aeskey": "AK9", "size": 1}}', f'{{"image": {{"aeskey": "{MASK}", "size": 1}}}}'),
        ('{"response_url": "https:\\/\\/h\\/r?code=9", "n": 1}', f'{{"response_url": "{MASK}", "n": 1}}'),
        (
            '"{\\"sessionWebhook\\":\\"https://h/s?session\\\\u003d5e1f\\",\\"n\\":1}"',
            f'"{{\\"sessionWebhook\\":\\"{MASK}\\",\\"n\\":1}}"',
        ),
        (
            "<xml><ResponseCode><![CDATA[RC9]]></ResponseCode></xml>",
            f"<xml><ResponseCode><![CDATA[{MASK}]]></ResponseCode></xml>",
        ),
        ("<WelcomeCode>WC9</WelcomeCode>", f"<WelcomeCode>{MASK}</WelcomeCode>"),
        (
            "url https://h/s?a=1\\u0026session\\u003d5e1f\\u0026b=1",
            f"url https://h/s?a=1\\u0026session\\u003d{MASK}\\u0026b=1",
        ),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, masked: str) -> None:
    assert Redactor().redact(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens=5 total_tokens=7",
        "wrong token: compare it with the app's settings",
        "the secret is missing",
        "keyring:wecom-secret",
        "http://127.0.0.1:8000/v1",
        "key=value msg_signature=abc",
        "mail@example.com",
        '{"input_tokens": 5}',
        "basic information",
        "the callback's EncodingAESKey is not usable: 42 characters",
        '{"errcode": 40058, "errmsg": "invalid response_code"}',
        "<xml><Event><![CDATA[click]]></Event><EventKey>help</EventKey></xml>",
        "answered with code=200 and status_code=200",
    ],
)
def test_harmless_text_stays(text: str) -> None:
    assert Redactor().redact(text) == text


@given(st.text(min_size=4, max_size=30), st.text(max_size=20), st.text(max_size=20))
def test_no_registered_value_survives(secret: str, before: str, after: str) -> None:
    masks = Redactor()
    masks.register(secret)
    masked = masks.redact(before + secret + after)
    assert secret not in masked or secret in MASK
    assert masks.redact([{"x": before + secret}])[0]["x"] == masks.redact(before + secret)


def test_what_people_said_is_masked_by_what_is_known_alone() -> None:
    mine = Redactor()
    mine.register("hunter2-the-real-one")
    said = 'password = os.environ["PW"] and token="abc"'
    shown = mine.conversation(
        {
            "text": said,
            "reply": "it is hunter2-the-real-one",
            "raw": '{"sessionWebhook": "https://example.org/send?session=abc"}',
            "parts": [{"kind": "text", "text": said, "data": {"response_url": "https://example.org/x"}}],
        }
    )
    assert shown["text"] == shown["parts"][0]["text"] == said
    assert shown["reply"] == f"it is {MASK}"
    assert "session=abc" not in shown["raw"] and shown["parts"][0]["data"]["response_url"] == MASK
    assert mine.known([{"text": f"{said} hunter2-the-real-one", "n": 1}]) == [
        {"text": f"{said} {MASK}", "n": 1}
    ]


def test_a_reason_is_masked_and_bounded_and_keeps_its_hint(redactor: Redactor) -> None:
    page = f"refused: {PLANTED} " + "<p>x</p>" * 5000 + " (compare `secret` with the console)"
    shown = told(ValueError(page), redactor)
    assert MASK in shown and "p@ss" not in shown
    assert len(shown) <= LONGEST_REASON
    assert shown.endswith("(compare `secret` with the console)")
    assert told("as it is", redactor) == "as it is"


KEY = "key-of-acme-0123456789-abcdef"


@given(
    st.lists(st.sampled_from(["say ", KEY[:9], KEY, KEY[4:], "k", "好", "fedcba-key"]), max_size=6),
    st.lists(st.integers(0, 60), max_size=8),
)
def test_what_is_said_in_pieces_is_masked_like_the_whole(words: list[str], cuts: list[int]) -> None:
    secrets = Redactor()
    secrets.register(KEY)
    text, said, shown = "".join(words), Speaking(secrets), ""
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    for begin, end in itertools.pairwise(places):
        shown += said.take(text[begin:end])
        assert secrets.spoken(text).startswith(shown), "nothing is taken back"
    assert shown + said.rest() == secrets.spoken(text)


def test_words_are_held_back_only_while_they_may_begin_a_secret() -> None:
    secrets = Redactor()
    secrets.register(KEY)
    said = Speaking(secrets)
    assert said.take(f"the {KEY[:10]}") == "the " and said.take("? No.") == f"{KEY[:10]}? No."
    assert said.take(KEY[:10]) == "" and said.take("afresh", afresh=True) == "afresh"
    assert said.rest() == ""


LINES = ("first-line-of-a-key-0123", "second-line-of-a-key-456")


@given(
    st.lists(st.sampled_from([LINES[0], LINES[1], "\n", "a" * 20, "a", KEY, KEY[:20], "b"]), max_size=8),
    st.lists(st.integers(0, 150), max_size=8),
)
def test_of_secrets_that_begin_alike_nothing_is_said_in_pieces(words: list[str], cuts: list[int]) -> None:
    secrets = Redactor()
    for secret in (KEY, KEY[:20], "\n".join(LINES), "a" * 20, "a" * 23 + "b"):
        secrets.register(secret)
    text, said, shown = "".join(words), Speaking(secrets), ""
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    for begin, end in itertools.pairwise(places):
        shown += said.take(text[begin:end])
    assert shown + said.rest() == secrets.spoken(text)


def test_the_rest_of_a_longer_secret_is_masked_with_the_shorter_one_it_begins_with() -> None:
    secrets = Redactor()
    secrets.register(KEY[:20])
    secrets.register(KEY)
    said = Speaking(secrets)
    assert said.take(f"it is {KEY[:22]}") == "it is " and said.take(f"{KEY[22:]}.") == f"{MASK}."
    assert said.take(KEY[:20]) == "" and said.take("!") == f"{MASK}!"
    assert said.take(KEY[:20]) == "" and said.rest() == MASK
