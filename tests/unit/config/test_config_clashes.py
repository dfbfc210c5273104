"""Bots that would take each other's messages or port are told before anything starts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mindbot.config.load import Loaded

Load = Callable[..., Loaded]
Refuse = Callable[..., list[str]]

DING = "client_secret: 'keyring:s'"
LINE = "mode: connection, secret: 'keyring:s'"
HOOK = "token: 'keyring:t', EncodingAESKey: 'keyring:k'"
CORP = f"corpid: ww1, secret: 'keyring:s', {HOOK}"
PROVIDER = "providers: {scripted: {}}\n"


def two(platform: str, base: str, one: str, other: str) -> str:
    """Return a configuration with two bots; the first is written in line 3, the second in line 4."""
    return (
        f"{PROVIDER}{platform}:\n  - {{name: one, {base}{one and ', '}{one}}}\n"
        f"  - {{name: two, {base}{other and ', '}{other}}}\n"
    )


@pytest.mark.parametrize(
    ("platform", "base", "one", "other", "what", "mend"),
    [
        ("dingtalk", DING, "client_id: d", "client_id: d", "are one app (client_id d)", "app of its own"),
        ("wecombot", LINE, "bot_id: b", "bot_id: b", "are one AI bot (bot_id b)", "bot of its own"),
        ("wecomcs", CORP, "", "", "serve the same accounts (all of ww1", "open_kfids"),
        ("wecomcs", CORP, "open_kfids: [wk1]", "", "serve the same accounts (all of ww1", "open_kfids"),
        ("wecomcs", CORP, "open_kfids: [wk1, wk2]", "open_kfids: [wk3, wk2]", "accounts (wk2)", "open_kfids"),
    ],
)
def test_what_two_bots_cannot_share(
    refuse: Refuse, platform: str, base: str, one: str, other: str, what: str, mend: str
) -> None:
    (problem,) = refuse(two(platform, base, one, other))
    assert problem.startswith(f"a.yaml:4:5: {platform}/two and {platform}/one (at ")
    assert "a.yaml:3:5) " in problem
    assert what in problem and mend in problem


@pytest.mark.parametrize(
    ("platform", "base", "one", "other"),
    [
        ("dingtalk", DING, "client_id: d", "client_id: e"),
        ("dingtalk", DING, "client_id: d", "client_id: d, enabled: false"),
        ("dingtalk", DING, "client_id: d", "client_id: d, api_base_url: 'http://127.0.0.1:1'"),
        ("wecombot", LINE, "bot_id: b", "bot_id: c"),
        ("wecombot", f"bot_id: b, {HOOK}", "mode: webhook", "mode: webhook"),
        ("wecomcs", CORP, "open_kfids: [wk1]", "open_kfids: [wk2]"),
        ("wecomcs", CORP, "", "api_base_url: 'http://127.0.0.1:1'"),
        (
            "wecom",
            HOOK + ", corpid: w",
            "secret: 'keyring:a', agent_id: 1",
            "secret: 'keyring:b', agent_id: 2",
        ),
    ],
)
def test_what_two_bots_can_share(load_text: Load, platform: str, base: str, one: str, other: str) -> None:
    assert load_text(two(platform, base, one, other)).warnings == []


@pytest.mark.parametrize(
    ("one", "other", "what"),
    [
        ("secret: 'keyring:s'", "secret: 'keyring:s'", "are one application (the same secret)"),
        (
            "secret: 'keyring:a', agent_id: 7",
            "secret: 'keyring:b', agent_id: 7",
            "are one application (agent_id 7)",
        ),
    ],
)
def test_one_application_twice_is_a_warning(load_text: Load, one: str, other: str, what: str) -> None:
    (warning,) = load_text(two("wecom", f"corpid: w, {HOOK}", one, other)).warnings
    assert "a.yaml:4:5: wecom/two and wecom/one (at " in warning and what in warning


def bots_on(one: str, other: str) -> str:
    return (
        f"{PROVIDER}wecom: {{corpid: w, secret: 'keyring:s', {HOOK}, port: 99, host: '{one}'}}\n"
        f"wecombot: {{{HOOK}, port: 99, host: '{other}'}}\n"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0.0.0.0", "127.0.0.1"),
        ("127.0.0.1", ""),
        ("localhost", "127.0.0.1"),
        ("::", "10.0.0.1"),
        ("::1", "::"),
    ],
)
def test_hosts_of_one_port_that_include_each_other(refuse: Refuse, one: str, other: str) -> None:
    (problem,) = refuse(bots_on(one, other))
    assert problem.startswith("a.yaml:3:11: wecombot/default and wecom/default (at ")
    assert "want port 99 on " in problem and problem.endswith("Give all bots of a port one `host`")


@pytest.mark.parametrize(
    ("one", "other"),
    [("0.0.0.0", "0.0.0.0"), ("127.0.0.1", "127.0.0.2"), ("0.0.0.0", "::1"), ("a.test", "b.test")],
)
def test_hosts_of_one_port_that_go_together(load_text: Load, one: str, other: str) -> None:
    assert load_text(bots_on(one, other)).warnings == []


def test_a_connection_listens_nowhere(load_text: Load) -> None:
    text = bots_on("127.0.0.1", "0.0.0.0").replace("wecombot: {", f"wecombot: {{bot_id: b, {LINE}, ")
    assert load_text(text).warnings == []
