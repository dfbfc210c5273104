"""What parts become on DingTalk's wire."""

from __future__ import annotations

from typing import Any

import pytest

from mindbot.domain.message import Part
from mindbot.platforms.dingtalk import say


@pytest.mark.parametrize("markdown", [False, True])
@pytest.mark.parametrize(
    "line", ["好" * 50, 'say "x" \\ ' * 9, "\t\t\t", "\x01" * 60, "a\nb\nc\nd", "```\nx"]
)
def test_whatever_is_said_fits_into_msgparam(line: str, markdown: bool) -> None:
    text = "\n".join(f"{n} {line}" for n in range(900))
    for parts in say.plan([Part("text", text)], markdown=markdown, limit=14_000):
        _, param = say.by_api(parts, "Bot")
        assert len(say.param_text(param).encode()) <= 15_000


URLS: list[dict[str, Any]] = [{"text": f"B{n}", "url": f"https://example.org/{n}"} for n in range(6)]


@pytest.mark.parametrize(
    ("data", "webhook", "key"),
    [
        ({"buttons": URLS[:1]}, "actionCard", "sampleActionCard"),
        ({"buttons": URLS[:2]}, "actionCard", "sampleActionCard2"),
        ({"buttons": URLS[:2], "horizontal": True}, "actionCard", "sampleActionCard6"),
        ({"buttons": URLS[:5]}, "actionCard", "sampleActionCard5"),
        ({"buttons": URLS}, "actionCard", "sampleMarkdown"),
        (
            {"feed": [{"title": "T", "url": "https://example.org", "picture": ""}]},
            "feedCard",
            "sampleMarkdown",
        ),
        ({}, "markdown", "sampleMarkdown"),
    ],
)
def test_cards_with_links(data: dict[str, Any], webhook: str, key: str) -> None:
    card = Part("card", "Choose one", data)
    body = say.by_webhook([card], "Bot")
    assert body is not None and body["msgtype"] == webhook
    found, param = say.by_api([card], "Bot")
    assert found == key
    for each in [*data.get("buttons", ()), *data.get("feed", ())]:
        assert each["url"] in say.param_text(param)  # no button is lost


def test_one_button_has_keys_of_its_own() -> None:
    body = say.by_webhook([Part("card", "Read", {"title": "T", "buttons": URLS[:1]})], "Bot")
    assert body is not None
    assert body["actionCard"] == {
        "title": "T",
        "text": "Read",
        "singleTitle": "B0",
        "singleURL": "https://example.org/0",
    }


def test_a_form_in_words_names_its_fields() -> None:
    form = {"fields": [{"name": "days", "label": "Days off"}, {"name": "why"}]}
    part = Part("card", "Holiday", {"form": form, "buttons": [{"text": "Send"}]})
    assert say.options(part) == "Holiday\n\n- Days off:\n- why:"


def test_durations_go_out_in_the_units_of_their_kind() -> None:
    voice = Part("voice", "", {"media_id": "v", "seconds": 4.2})
    video = Part("video", "", {"media_id": "v", "cover_id": "c", "seconds": 4.2})
    assert say.by_api([voice], "")[1]["duration"] == "4200"
    assert say.by_api([video], "")[1]["duration"] == "4"


def test_mentions_join_the_text_behind_them_or_stand_alone() -> None:
    li = Part("mention", "", {"user": "li"})
    assert say.plan([li, Part("text", "hi")], markdown=False) == [[li, Part("text", "hi")]]
    assert [[p.kind for p in m] for m in say.plan([li], markdown=False)] == [["mention", "text"]]
