"""Rules that would not do what is written are told with their place."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mindbot.config.load import Loaded

Load = Callable[..., Loaded]
WORKFLOWS = """\
workflows:
  code: {dify_api_key: "keyring:a"}
  data: {dify_api_key: "keyring:b", split: {cod: 10}}
  gone: {enabled: false}
"""


def told(load_text: Load, routes: str) -> list[str]:
    warnings = load_text(f"{WORKFLOWS}{routes}").warnings
    return [each.partition("a.yaml:")[2] for each in warnings if "routes" in each or "router" in each]


def test_names_of_nobody_are_told_with_their_place(load_text: Load) -> None:
    routes = """\
router: {default: dta, judge: gpt}
routes:
  - {user: lin, workflow: cod}
  - {user: wu, workflow: gone}
  - {bot: hr, runner: agnet, platform: wecm}
"""
    assert told(load_text, routes) == [
        "5:19: router.default names the workflow dta, which is not there. Did you mean data?",
        "5:31: router.judge names the provider gpt, which is not there. There are: none",
        "7:27: routes[0].workflow names the workflow cod, which is not there. Did you mean code?",
        "8:26: routes[1].workflow names the workflow gone, which is disabled. "
        "Set workflows.gone.enabled: true",
        "9:23: routes[2].runner names the runner agnet, which is not there. There are: chat, stop, workflow",
        "9:40: routes[2].platform names the platform wecm, which is not there. Did you mean wecom?",
        "9:11: routes[2].bot names the bot hr, which is not there. There are: default",
    ]


def test_a_split_that_names_nobody_is_told(load_text: Load) -> None:
    (warning,) = [each for each in load_text(WORKFLOWS).warnings if "split" in each]
    assert warning.endswith("names the workflow cod, which is not there. Did you mean code?")


def test_a_provider_that_is_switched_off_is_told(load_text: Load) -> None:
    off = "providers: {m: {type: scripted, enabled: false}}\nrouter: {embedder: m, judge: m}\n"
    mend = "names the provider m, which is disabled. Set providers.m.enabled: true, or name another"
    found = [each.partition(": ")[2] for each in told(load_text, off)]
    assert found == [f"router.embedder {mend}", f"router.judge {mend}"]


def test_what_goes_back_to_who_answered_is_told(load_text: Load) -> None:
    routes = """\
routes:
  - {user: a, workflow: code, then: [data, code], on_error: code}
  - {user: b, workflow: code, then: [data, data], on_error: data}
"""
    assert told(load_text, routes) == [
        "6:37: routes[0].then names code, which gave the answer: it would work on its own. Name another",
        "6:61: routes[0].on_error names code, which is asked anyway and not a second time. Name another",
        "7:37: routes[1].then names the workflow data more than once. Keep one",
    ]


def test_two_workflows_may_stand_in_for_each_other_and_none_for_itself(load_text: Load) -> None:
    workflows = """\
workflows:
  code: {dify_api_key: "keyring:a", fallback: data}
  data: {dify_api_key: "keyring:b", fallback: code, split: {data: 10, gone: 5}}
  gone: {enabled: false}
"""
    found = [each.partition("a.yaml:")[2] for each in load_text(workflows).warnings if "workflows." in each]
    assert found == [
        "3:60: workflows.data.split names the workflow gone, which is disabled. "
        "Set workflows.gone.enabled: true",
        "3:60: workflows.data.split names the workflow itself. Name another",
    ]


@pytest.mark.parametrize(
    ("above", "below", "reached"),
    [
        ("{workflow: code}", "{user: lin, workflow: data}", False),
        ("{workflow: code, continue: true}", "{user: lin, workflow: data}", True),
        ("{workflow: code, percent: 50}", "{user: lin, workflow: data}", True),
        ("{percent: 50, text: x, workflow: code}", "{percent: 50, text: x, workflow: data}", True),
        ("{text: x, kind: text, workflow: code}", "{text: x, kind: text, percent: 5, workflow: data}", False),
        ("{workflow: gone}", "{user: lin, workflow: data}", True),
        ("{enabled: false, workflow: code}", "{user: lin, workflow: data}", True),
        ("{user: [lin, wu], workflow: code}", "{user: wu, text: x, workflow: data}", False),
        ("{user: lin, workflow: code}", "{user: [lin, wu], workflow: data}", True),
        ("{text: x, kind: text, workflow: code}", "{text: x, kind: text, workflow: data}", False),
        ("{text: x, workflow: code}", "{text: y, workflow: data}", True),
    ],
)
def test_a_rule_that_nothing_reaches_is_told(load_text: Load, above: str, below: str, reached: bool) -> None:
    warnings = told(load_text, f"routes:\n  - {above}\n  - {below}\n")
    found = [each for each in warnings if "never reached" in each]
    assert found == (
        []
        if reached
        else ["7:5: routes[1] is never reached: route1 above it takes all of these. Put it above, or drop it"]
    )
