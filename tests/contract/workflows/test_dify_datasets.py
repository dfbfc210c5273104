"""Knowledge bases of Dify's against the simulator: what is in them, what is found, what is put in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from coze_house import PlainSecrets

from mindbot.config.load import load
from mindbot.config.workflows import DatasetSettings
from mindbot.domain.errors import AuthFailed, Invalid, NotFound
from mindbot.http.client import HttpClient
from mindbot.runtime.app import Runtime
from mindbot.sim.testing import simulated
from mindbot.testing.waiting import PATIENCE
from mindbot.workflows.datasets import Datasets

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def knowledge(key: str = "", **settings: Any) -> AsyncIterator[tuple[Any, Datasets]]:
    async with simulated("dify", strict=True) as dify, HttpClient() as http:
        told = dify.details()
        entry = {
            "base_url": told["base_url"],
            "api_key": key or told["dataset_key"],
            "dataset_id": told["datasets"]["handbook"],
            **settings,
        }
        yield dify, Datasets({"office": DatasetSettings.model_validate(entry)}, http, PlainSecrets())


async def test_one_is_listed_with_its_documents_and_asked() -> None:
    async with knowledge() as (_, datasets):
        (row,) = await datasets.all()
        assert (row["name"], row["title"], row["documents"], row["error"]) == ("office", "handbook", 2, "")
        assert [each["status"] for each in await datasets.documents("office")] == ["available"] * 2
        best, *_ = await datasets.query("office", "office opens at nine")
        assert best["text"] == "The office opens at nine and closes at six."
        assert best["document"] == "handbook-2.txt"
        assert best["score"] is not None


async def test_what_is_set_is_sent_whole_or_not_at_all() -> None:
    async with knowledge(top_k=1) as (dify, datasets):
        assert len(await datasets.query("office", "the office")) == 1
        assert dify.requests[-1].body["retrieval_model"].keys() == {
            "search_method",
            "reranking_enable",
            "top_k",
            "score_threshold_enabled",
            "score_threshold",
        }
    async with knowledge() as (dify, datasets):
        await datasets.query("office", "the office")
        assert dify.requests[-1].body == {"query": "the office"}


async def test_a_file_becomes_a_document_that_is_found(tmp_path: Path) -> None:
    path = tmp_path / "9f"
    path.write_text("Parking is free on Sundays.", encoding="utf-8")
    async with knowledge() as (_, datasets):
        made = await datasets.upload("office", path, "parking.txt", "text/plain")
        assert (made["name"], made["status"]) == ("parking.txt", "available")
        assert (await datasets.query("office", "parking on sundays"))[0]["document"] == "parking.txt"
        with pytest.raises(Invalid, match="cannot be read"):
            await datasets.upload("office", tmp_path / "gone", "gone.txt", "text/plain")


async def test_who_cannot_be_asked_is_listed_with_the_reason() -> None:
    async with knowledge(key="dataset-wrong") as (_, datasets):
        (row,) = await datasets.all()
        assert row["error"]
        with pytest.raises(AuthFailed):
            await datasets.documents("office")
    async with knowledge(dataset_id="00000000-0000-4000-8000-000000000000") as (_, datasets):
        assert "not found" in (await datasets.all())[0]["error"].lower()


async def test_names_and_questions_are_checked() -> None:
    async with knowledge() as (_, datasets):
        with pytest.raises(NotFound, match="home"):
            await datasets.query("home", "x")
        for text in (" ", "x" * 251):
            with pytest.raises(Invalid):
                await datasets.query("office", text)


async def test_an_uploaded_file_is_put_in_through_the_runtime(tmp_path: Path) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"Bicycles stay outside."

    with anyio.fail_after(PATIENCE):
        async with simulated("dify", strict=True) as dify:
            told = dify.details()
            entry = {
                "base_url": told["base_url"],
                "api_key": told["dataset_key"],
                "dataset_id": told["datasets"]["handbook"],
            }
            loaded = load(environ={}, overrides={"dify_datasets": {"office": entry}})
            async with Runtime.open(loaded, tmp_path) as runtime:
                file = await runtime.resources.media.upload(pieces(), "bicycles.txt")
                made = await runtime.resources.datasets.put("office", file["id"], "bicycles.txt")
                assert made["name"] == "bicycles.txt"
                (best,) = await runtime.resources.datasets.query("office", "bicycles")
                assert best["text"] == "Bicycles stay outside."
                assert [row["documents"] for row in await runtime.resources.datasets.datasets()] == [3]
                with pytest.raises(NotFound):
                    await runtime.resources.datasets.put("office", "nothing", "x.txt")
