"""Addresses as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot.config.addresses import Address
from mindbot.config.load import Loaded, load
from mindbot.config.types import ModelBase
from mindbot.domain.errors import ConfigError
from mindbot.telemetry.redaction import redactor

MODEL: Address = ModelBase.__metadata__[0]  # type: ignore[attr-defined]
API = Address(endings=("/cgi-bin",))
WS = Address(schemes=("ws", "wss"))


@pytest.mark.parametrize(
    ("written", "meant", "notes"),
    [
        ("https://api.example/v1", "https://api.example/v1", 0),
        ("https://api.example/v1//", "https://api.example/v1", 0),
        ("https://api.example/v1/chat/completions/", "https://api.example/v1", 1),
        ("https://api.example/v1/messages", "https://api.example/v1", 1),
        ("https://api.example/v1/chat-messages", "https://api.example/v1", 1),
        (" https://api.example/v1\u3000", "https://api.example/v1", 1),
        ("<https://api.example/v1>", "https://api.example/v1", 1),
        ("“https://api.example/v1”，", "https://api.example/v1", 1),
        ("https：／／api．example／v1", "https://api.example/v1", 1),
        ("https://api。example/v1", "https://api.example/v1", 1),
        ("https://api.\u200bexample/v1\ufeff", "https://api.example/v1", 1),
        ("HTTPS://api.example", "https://api.example", 1),
        ("https:/api.example/v1", "https://api.example/v1", 1),
        ("https//api.example/v1", "https://api.example/v1", 1),
        ("api.example/v1", "https://api.example/v1", 1),
        ("//api.example:8443/v1", "https://api.example:8443/v1", 1),
        ("localhost:11434/v1", "http://localhost:11434/v1", 1),
        ("10.1.2.3:8000/v1", "http://10.1.2.3:8000/v1", 1),
        ("llama-box:8000/v1", "http://llama-box:8000/v1", 1),
        ("https://api.example//v1///x", "https://api.example/v1/x", 1),
        ("[::1]:8000", "http://[::1]:8000", 1),
        ("https://api.example/v1#keys", "https://api.example/v1", 1),
        ("https://x.example/d/m?api-version=2024-02-01", "https://x.example/d/m?api-version=2024-02-01", 0),
        ("https://x.example/d/m/chat/completions?v=1", "https://x.example/d/m?v=1", 1),
        ("https://模型.example/v1", "https://模型.example/v1", 0),
        ("${MODEL_URL}", "${MODEL_URL}", 0),
        ("", "", 0),
    ],
)
def test_what_is_plain_is_mended(written: str, meant: str, notes: int) -> None:
    text, told = MODEL.read(written)
    assert text == meant
    assert bool(told) == bool(notes)


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        (MODEL, "localhost"),
        (MODEL, "ftp://api.example"),
        (MODEL, "htps://api.example"),
        (MODEL, "https://"),
        (MODEL, "https://api. example/v1"),
        (MODEL, "https://api.example\\v1"),
        (MODEL, "https://api.example:99999"),
        (MODEL, "https://api.example:0"),
        (MODEL, "https://[::1"),
        (MODEL, "https://a..b/"),
        (MODEL, "wss://api.example"),
        (API, "https://api.example?a=b"),
        (WS, "https://api.example"),
    ],
)
def test_what_could_mean_anything_is_refused(kind: Address, written: str) -> None:
    with pytest.raises(ValueError, match="should be"):
        kind.read(written)


@given(st.text(max_size=60))
def test_whatever_is_written_is_read_or_refused_and_in_order_when_read(text: str) -> None:
    try:
        found, _ = MODEL.read(text)
    except ValueError:
        return
    assert MODEL.read(found) == (found, [])


def check(tmp_path: Path, text: str) -> Loaded:
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    return load([path], environ={})


def test_a_mended_address_is_a_warning_at_its_place(tmp_path: Path) -> None:
    loaded = check(
        tmp_path, "providers:\n  vllm: {base_url: ' 10.0.0.7:8000/v1/chat/completions ', models: [m]}\n"
    )
    assert loaded.config.providers["vllm"].base_url == "http://10.0.0.7:8000/v1"
    [told] = [each for each in loaded.warnings if "base_url" in each]
    assert told.startswith("a.yaml:2:20: ") or "a.yaml:2:20" in told
    assert (
        "read as http://10.0.0.7:8000/v1" in told and "/chat/completions, which MindBot adds itself" in told
    )


def test_the_base_of_a_wecom_api_has_no_path() -> None:
    text, [note] = API.read("https://qyapi.weixin.qq.com/cgi-bin/")
    assert text == "https://qyapi.weixin.qq.com" and note.startswith("/cgi-bin")


def test_a_bot_that_stands_alone_or_in_a_list_is_mended_alike(tmp_path: Path) -> None:
    one = "{client_id: c, client_secret: 'keyring:s', api_base_url: api.example}"
    for text in (f"dingtalk: {one}", f"dingtalk: [{one}]"):
        loaded = check(tmp_path, text)
        assert loaded.config.dingtalk[0].api_base_url == "https://api.example"
        assert any("api_base_url is read as https://api.example" in each for each in loaded.warnings)


@pytest.mark.parametrize(
    "text",
    [
        "providers: {openai: {api_key: 'keyring:k', base_url: 'http://me:hidden-word@api.example/v1'}}",
        "workflows: {w: {dify_api_key: 'keyring:k', dify_endpoint: 'http://me:hidden-word@api.example/v1'}}",
    ],
)
def test_a_password_in_an_address_and_a_key_are_one_too_many(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(tmp_path, text)
    [problem] = caught.value.problems
    assert "user and password" in problem and "Take one of them away" in problem
    assert "hidden-word" not in problem


def test_a_key_with_bearer_in_front_is_told(tmp_path: Path) -> None:
    loaded = check(
        tmp_path, "providers: {vllm: {api_key: 'Bearer sesame-open', base_url: 'http://m.example'}}"
    )
    assert any("vllm.api_key begins with Bearer" in each for each in loaded.warnings)
    assert not any("sesame" in each for each in loaded.warnings)


def test_a_password_in_an_address_is_a_secret(tmp_path: Path) -> None:
    text = (
        "providers: {vllm: {base_url: 'http://me:open%2Fsesame@api.example/v1', models: [m]}}\n"
        "http: {proxy: 'http://me:other-word@proxy.example:3128'}\n"
    )
    loaded = check(tmp_path, text)
    assert [each.split(" holds")[0].split(": ")[1] for each in loaded.warnings if "plain text" in each] == [
        "providers.vllm.base_url",
        "http.proxy",
    ]
    assert "proxy_password" in "".join(loaded.warnings)
    assert not any("sesame" in each or "other-word" in each for each in loaded.warnings)
    assert "sesame" not in redactor.redact("the word is open/sesame")


@pytest.mark.parametrize("proxy", ["socks5://proxy.example:1080", "https://proxy.example", "nonsense:x"])
def test_a_proxy_that_cannot_be_used_is_refused_with_the_mend(tmp_path: Path, proxy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(tmp_path, f"http: {{proxy: '{proxy}'}}")
    [problem] = caught.value.problems
    assert "http.proxy is no proxy that can be used" in problem


def test_what_the_proxy_may_be(tmp_path: Path) -> None:
    for proxy in ("environment", "none", "http://proxy.example:3128", "proxy.example:3128"):
        assert check(tmp_path, f"http: {{proxy: '{proxy}'}}").config.http.proxy == proxy
