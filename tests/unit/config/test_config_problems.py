"""Every problem is told at once, each with its place and a mend; no secret is in one."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from mindbot.config.load import Loaded

Load = Callable[..., Loaded]
Refuse = Callable[..., list[str]]


def test_missing_and_unknown_and_wrong_come_together(refuse: Refuse) -> None:
    problems = refuse(
        """\
wecom:
  corpid: 12345
  secrte: x
  port: "99999"
providers:
  coze: {}
  openai: {models: [gpt-4]}
provider_selection: {strategy: roundrobin}
wecomm: {}
limits: {per_user: 20}
"""
    )
    assert [p.split(". ")[0] for p in problems] == [
        "a.yaml:1:1: wecom.secret is missing (The application's secret)",
        "a.yaml:1:1: wecom.token is missing (Token, from the settings for receiving messages)",
        "a.yaml:1:1: wecom.EncodingAESKey is missing (The callback's key, of 43 characters)",
        "a.yaml:2:11: wecom.corpid should be text; put it in quotes (it is 12345)",
        "a.yaml:3:3: wecom.secrte is no known key",
        "a.yaml:4:9: wecom.port should be less than or equal to 65535 (it is '99999')",
        "a.yaml:6:3: providers.coze.api_key is missing (The vendor's key; own servers may need none)",
        "a.yaml:6:3: providers.coze.bot_id is missing (Coze only: the bot that answers)",
        "a.yaml:7:3: providers.openai.api_key is missing (The vendor's key; own servers may need none)",
        "a.yaml:8:32: provider_selection.strategy should be first, round_robin, weighted, performance_based, "
        "least_busy or cost; did you mean round_robin? (it is 'roundrobin')",
        "a.yaml:9:1: wecomm is no known key",
        "a.yaml:10:20: limits.per_user is no rate; write e.g",
    ]
    assert problems[0].endswith('Add `secret: "keyring:wecom-secret"`')
    assert problems[2].endswith('Add `EncodingAESKey: "keyring:wecom-encoding-aes-key"`')
    assert problems[4].endswith("Did you mean secret?")
    assert problems[10].endswith("Did you mean wecom?")


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("log: 5", "a.yaml:1:6", "log should be a section"),
        ("wecom: 5", "a.yaml:1:8", "wecom should be a list"),
        ("access: {allow: bob}", "a.yaml:1:17", "access.allow should be a list"),
        ("dispatcher: {max_running: yes}", "a.yaml:1:27", "dispatcher.max_running should be a number"),
        ("dispatcher: {max_running: 0}", "a.yaml:1:27", "should be greater than or equal to 1"),
        ("dispatcher: {max_running: 1.5}", "a.yaml:1:27", "should be a whole number"),
        ("store: {commit_interval: .inf}", "a.yaml:1:26", "is no duration"),
        ("store: {commit_interval: 5 parsecs}", "a.yaml:1:26", "is no duration"),
        ("dispatcher: {stale_after: -1}", "a.yaml:1:27", "should be greater than or equal to 0"),
        ("console: {enabled: maybe}", "a.yaml:1:20", "should be true or false"),
        ("providers: {scripted: {bot_id: b}}", "a.yaml:1:32", "is for the type coze, and this is scripted"),
        ("providers: {vllm: {base_url: localhost}}", "a.yaml:1:30", "should be an address"),
        (
            "workflows: {w: {dify_api_key: 'keyring:k', task_patterns: ['((']}}",
            "a.yaml:1:59",
            "is no regular expression: missing )",
        ),
        ("providers: {vllm: {models: [{}]}}", "a.yaml:1:29", "providers.vllm.models[0].name is missing"),
        ("state_dir: ~nosuchuser/x", "a.yaml:1:12", "'~nosuchuser' is no user's home on this machine"),
        ("store: {file: ~nosuchuser/x.db}", "a.yaml:1:15", "write the path out"),
        ("api: {socket: ~nosuchuser/s}", "a.yaml:1:15", "is no user's home"),
        ("http: {ca_file: ~nosuchuser/ca.pem}", "a.yaml:1:17", "is no user's home"),
        ("log: {levels: {mindbot: loud}}", "a.yaml:1:25", "log.levels.mindbot should be debug"),
    ],
)
def test_a_wrong_value_is_pointed_at(refuse: Refuse, text: str, where: str, what: str) -> None:
    (problem,) = refuse(text)
    assert problem.startswith(f"{where}: ")
    assert what in problem


def test_two_bots_need_two_names(refuse: Refuse) -> None:
    bot = "client_secret: 'keyring:s'"
    (problem,) = refuse(f"dingtalk:\n  - {{client_id: i, {bot}}}\n  - {{client_id: j, {bot}}}")
    assert problem == (
        "a.yaml:3:5: two dingtalk bots are named default, the other at a.yaml:2:5. Give each its own `name`"
    ) or problem.startswith("a.yaml:3:5: two dingtalk bots are named default")


def test_no_problem_shows_a_secret(refuse: Refuse) -> None:
    problems = refuse(
        "dingtalk: {client_id: i, client_secret: 98765432109}\n"
        "providers: {openai: {api_key: [leaked-in-a-list], apikey: leaked-under-a-typo}}\n"
        "wecom: {secret: {leaked: deep}}\n"
        "alert_manager: {sms: {providers: {twilio: {auth_token: 11223344}}}}"
    )
    text = "\n".join(problems)
    assert "98765432109" not in text and "leaked-in" not in text and "leaked-under" not in text
    assert "deep" not in text and "11223344" not in text


def test_an_undefined_provider_is_a_warning(load_text: Load) -> None:
    (warning,) = load_text("chat: {provider: scriptd}\nproviders: {scripted: {}}").warnings
    assert "a.yaml:1:18: chat.provider names the provider scriptd, which is not defined" in warning
    assert "Did you mean scripted?" in warning


@pytest.mark.parametrize(
    "name", ["a/b", "", "usage", "\u202egpt", "a\u200bb", "two words", "-gpt", "..", "\u3164", "n" * 65]
)
def test_a_provider_that_no_command_could_name_is_refused(refuse: Refuse, name: str) -> None:
    problems = refuse(f"providers:\n  {json.dumps(name)}: {{type: scripted}}\n")
    assert [p for p in problems if "another" in p or "Take letters, digits, - _ and ." in p]
    assert "\u202e" not in str(problems)


def test_names_of_providers_in_any_script_are_taken(load_text: Load) -> None:
    for name in ("gpt-4.1", "千问", "a_b", "7", "n" * 64):
        assert name in load_text(f"providers: {{'{name}': {{type: scripted}}}}").config.providers


@pytest.mark.parametrize(
    "name", ["stats", "shadows", "compare", "classify", "a/b", "", " a", "-a", "\u202ea"]
)
def test_a_workflow_that_no_command_could_name_is_refused(refuse: Refuse, name: str) -> None:
    problems = refuse(f'workflows:\n  {json.dumps(name)}: {{dify_api_key: "keyring:a"}}\n')
    assert [p for p in problems if "another" in p or "Take letters, digits, blanks, - _ and ." in p]


def test_names_of_workflows_in_any_script_and_with_blanks_are_taken(load_text: Load) -> None:
    for name in ("General Chat", "代码分析", "code.v2", "statistics"):
        text = f"workflows: {{'{name}': {{dify_api_key: 'keyring:a'}}}}"
        assert name in load_text(text).config.workflows


def test_a_provider_that_is_named_and_disabled_is_a_warning(load_text: Load) -> None:
    off = "providers: {a: {type: scripted, enabled: false}, b: {type: scripted}}\n"
    (warning,) = load_text(off + "chat: {provider: a}").warnings
    assert "a.yaml:2:18: chat.provider names the provider a, which is disabled" in warning
    assert "Set providers.a.enabled: true" in warning
    (warning,) = load_text(off + "provider_selection: {fallback_order: [b, a]}").warnings
    assert "provider_selection.fallback_order names the provider a, which is disabled" in warning


def test_that_no_provider_is_enabled_is_a_warning(load_text: Load) -> None:
    (warning,) = load_text("providers: {a: {type: scripted, enabled: false}}").warnings
    assert "no enabled provider can answer for console/default. Set providers.a.enabled: true" in warning


def test_a_workflow_is_somebody_who_can_answer(load_text: Load) -> None:
    off = "providers: {a: {type: scripted, enabled: false}}\n"
    assert not load_text(off + "workflows: {general: {dify_api_key: 'keyring:dify'}}").warnings


@pytest.mark.parametrize(
    ("key", "has"), [("abcd1", "5 characters"), ("a" * 42 + "!", "others than letters and digits")]
)
def test_a_key_that_wecom_never_gave_is_a_warning(load_text: Load, key: str, has: str) -> None:
    for section in ("wecom: {corpid: c, secret: 'keyring:s'", "wecombot: {mode: webhook"):
        warnings = load_text(f"{section}, token: 'keyring:t', EncodingAESKey: '{key}'}}").warnings
        assert any(f"has {has}, and WeCom's keys have 43" in warning for warning in warnings)


@pytest.mark.parametrize("key", ["a" * 43, "keyring:k", "credential:k", "${K:-abc}"])
def test_a_good_key_and_one_that_is_elsewhere_pass(load_text: Load, key: str) -> None:
    loaded = load_text(f"wecombot: {{token: 'keyring:t', EncodingAESKey: '{key}'}}", environ={"K": "abc"})
    assert not [warning for warning in loaded.warnings if "keys have 43" in warning]


def test_an_empty_section_makes_no_bot_and_an_empty_file_nothing(load_text: Load) -> None:
    loaded = load_text("dingtalk:\nproviders: {scripted: {}}\n")
    (warning,) = loaded.warnings
    assert "a.yaml:1:1: dingtalk is empty and makes no bot" in warning
    assert not loaded.config.dingtalk
    for text in ("", "# nothing yet\n", "---\n"):
        (warning,) = load_text(text).warnings
        assert "a.yaml: holds no settings: no bot" in warning


def test_secrets_of_two_bots_get_two_names(load_text: Load, refuse: Refuse) -> None:
    loaded = load_text(
        "dingtalk:\n"
        "  - {client_id: i, client_secret: first-plain-secret}\n"
        "  - {client_id: j, client_secret: second-plain-secret, name: HR_2}\n"
        "wecombot: {mode: connection, bot_id: b, secret: third-plain-secret, name: alone}\n"
    )
    told = "\n".join(loaded.warnings)
    for name in ("dingtalk-client-secret", "dingtalk-hr-2-client-secret", "wecombot-secret"):
        assert f'Run `mindbot secret set {name}` and write "keyring:{name}"' in told
    problems = refuse("dingtalk: [{client_id: i, name: a}, {client_id: j, name: b}, {client_id: k}]")
    assert [p.rpartition("keyring:")[2] for p in problems if "client_secret is missing" in p] == [
        'dingtalk-a-client-secret"`',
        'dingtalk-b-client-secret"`',
        'dingtalk-3-client-secret"`',
    ]


def test_a_provider_of_a_type_nobody_knows(refuse: Refuse) -> None:
    problems = refuse("providers: {mine: {type: opnai, models: [gpt-4]}}")
    assert len(problems) == 1 and problems[0].startswith(
        "a.yaml:1:26: providers.mine.type should be a provider type"
    )
    assert "did you mean openai?" in problems[0]


def test_a_pattern_of_a_scripted_rule_that_is_none(refuse: Refuse) -> None:
    problems = refuse("providers: {demo: {type: scripted, rules: [{match: '('}]}}")
    assert len(problems) == 1 and "no regular expression" in problems[0]


def test_what_will_not_be_used_is_warned_of(load_text: Load) -> None:
    wecom = "wecom: {corpid: w, agent_id: 1, secret: s, token: t, EncodingAESKey: " + "a" * 43 + "}"
    warnings = load_text(
        wecom + "\nstate_dir: '${not closed'\nproviders: {}\nchromadb: {chunk_size: 10}"
    ).warnings
    told = "\n".join(warnings)
    assert "no enabled provider can answer for wecom/" in told
    assert "state_dir holds a ${ that is no reference" in told
    assert "chromadb is not read by this version" in told


@pytest.mark.parametrize(
    ("type", "meant"), [("gemini", "google"), ("Claude", "anthropic"), ("opnai", "openai")]
)
def test_a_type_that_is_called_by_its_models_is_guessed(refuse: Refuse, type: str, meant: str) -> None:
    assert any(f"did you mean {meant}?" in each for each in refuse(f"providers: {{a: {{type: {type}}}}}"))
