"""Corrections: kept on disk, reviewed, undone; what late messages suggest."""

from __future__ import annotations

import pytest

from mindbot.api.models import TurnSummary
from mindbot.api.workflow_models import LearnedView, RouterView, RuleView
from mindbot.domain.errors import Conflict, NotFound
from mindbot.routes.advice import advice
from mindbot.testing.platforms import Inbox, MemoryKeep
from mindbot.workflows.router.learned import LearnedStore
from mindbot.workflows.router.texts import same

pytestmark = pytest.mark.anyio


async def test_an_operators_word_counts_at_once_and_can_be_taken_back() -> None:
    keep = MemoryKeep(Inbox())
    store = LearnedStore(keep)
    told = await store.teach("lunch?", None, was="research")
    assert [each.text for each in store.accepted] == ["lunch?"]
    version = store.version
    again = LearnedStore(keep)
    await again.load()
    assert again.accepted == store.accepted
    await store.review(told.id, "revert")
    assert not store.accepted
    assert store.version > version
    await store.review(told.id, "accept")
    assert store.accepted[0].was == "research"


async def test_the_later_word_on_the_same_text_wins() -> None:
    store = LearnedStore(MemoryKeep(Inbox()))
    await store.teach("Lunch?", "research")
    await store.teach("lunch?", "general")
    assert [(each.workflow, each.state) for each in store.listed()] == [
        ("general", "accepted"),
        ("research", "reverted"),
    ]


async def test_a_proposal_that_is_accepted_takes_the_place_of_what_was_said_before() -> None:
    store = LearnedStore(MemoryKeep(Inbox()))
    first = await store.teach("Lunch?", "research")
    told = await store.suggest("lunch", "general", was="research", turn="t1")
    assert told is not None
    await store.review(told.id, "accept")
    assert [each.workflow for each in store.accepted] == ["general"]
    await store.review(first.id, "accept")
    assert [each.workflow for each in store.accepted] == ["research"]


async def test_a_long_text_is_kept_as_far_as_it_is_compared() -> None:
    store, text = LearnedStore(MemoryKeep(Inbox())), "\n" + "one more line of a log\n" * 300
    told = await store.teach(text, "code")
    assert len(told.text) < len(text)
    assert same(told.text) == same(text)


async def test_what_a_user_dislikes_waits_for_a_verdict() -> None:
    store = LearnedStore(MemoryKeep(Inbox()))
    told = await store.suggest("draw a cat", "art", was="code", turn="t1", note="wrong")
    assert told is not None
    assert await store.suggest("draw a cat", "art", was="code", turn="t1") is None
    assert (store.count("pending"), store.accepted) == (1, [])
    await store.withdraw("t1")
    assert store.listed("rejected")[0].note == "withdrawn by the user"


async def test_a_verdict_is_for_some_states_alone() -> None:
    store = LearnedStore(MemoryKeep(Inbox()))
    told = await store.teach("lunch?", None)
    with pytest.raises(Conflict, match="is accepted"):
        await store.review(told.id, "reject")
    with pytest.raises(NotFound):
        await store.review("nothing", "accept")


def test_late_messages_suggest_what_to_mend() -> None:
    router = RouterView(
        threshold=0.5, workflows=["code", "art"], decisions=20, rules=[RuleView(name="old", enabled=True)]
    )
    turns = [TurnSummary(text="Door code?", confidence=0.2, workflow="code") for _ in range(12)]
    wrong = [LearnedView(was="code", workflow="art", state="accepted") for _ in range(3)]
    assert list(advice(router, turns, wrong)) == [
        "12 times nobody was sure about 'door code?'. Say where it belongs: mindbot route learn",
        "3 corrections from code to art. Add examples to art, or not_examples to code",
        "none of the last 12 messages went to art. Give it examples, or disable it",
        "the rule old matched none of 20 messages. Is it still wanted?",
    ]
