"""`mindbot sim` as an operator starts it: a real process."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from mindbot.domain.errors import NotFound
from mindbot.sim.testing import simulated
from mindbot.testing.waiting import PATIENCE

SIM = [sys.executable, "-c", "from mindbot.sim.command import sim; sim()"]
TRAFFIC = [sys.executable, "-m", "mindbot.sim.traffic", "--plan-json"]


@contextmanager
def running(*args: str) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    process = subprocess.Popen([*SIM, *args], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def failed(*args: str) -> tuple[int, str]:
    done = subprocess.run([*SIM, *args], capture_output=True, text=True, timeout=30)
    assert done.stdout == ""
    return done.returncode, done.stderr


def free_pair() -> int:
    """Return a port that is free with its successor, below the range the kernel gives out."""
    for base in range(20_000 + os.getpid() % 5_000, 30_000, 2):
        with socket.socket() as first, socket.socket() as second:
            try:
                first.bind(("127.0.0.1", base))
                second.bind(("127.0.0.1", base + 1))
            except OSError:
                continue
            return base
    raise AssertionError("no two ports in a row are free")


@pytest.mark.full
def test_the_first_line_says_how_to_reach_them() -> None:
    with running("wecom", "openai", "--fault", "wecom/45009:n=1", "--strict", "--seed", "7") as (
        process,
        ready,
    ):
        wecom, openai = ready["wecom"], ready["openai"]
        assert wecom["base_url"] == wecom["api_base_url"]
        assert wecom["base_url"].startswith("http://127.0.0.1:")
        assert {"corpid", "secret", "token", "EncodingAESKey", "agent_id"} < set(wecom)
        assert len(wecom["EncodingAESKey"]) == 43
        assert openai["base_url"].endswith("/v1")
        assert {"api_key", "model"} < set(openai)
        query = f"corpid={wecom['corpid']}&corpsecret={wecom['secret']}"
        codes = []
        for _ in range(2):
            with urlopen(f"{wecom['base_url']}/cgi-bin/gettoken?{query}") as response:
                codes.append(json.load(response)["errcode"])
        assert codes == [45009, 0]
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


@pytest.mark.slow
def test_vendors_of_models_stand_side_by_side() -> None:
    fault = ("--fault", "anthropic/overloaded_error:n=1", "--fault", "pause:1ms")
    with running("anthropic", "gemini", *fault, "--strict", "--tokens-per-second", "500") as (_, ready):
        anthropic, gemini = ready["anthropic"], ready["gemini"]
        assert {"api_key", "model"} < set(anthropic)
        assert {"api_key", "model", "embedding_model"} < set(gemini)
        headers = {"x-api-key": anthropic["api_key"], "anthropic-version": "2023-06-01"}
        models = Request(f"{anthropic['base_url']}/v1/models", headers=headers)
        with pytest.raises(HTTPError, match="529"):
            urlopen(models)
        with urlopen(models) as response:
            assert [model["id"] for model in json.load(response)["data"]] == [anthropic["model"]]
        with urlopen(f"{gemini['base_url']}/v1beta/models?key={gemini['api_key']}") as response:
            assert json.load(response)["models"][0]["name"] == f"models/{gemini['model']}"


@pytest.mark.slow
def test_apps_of_dify_are_named_beforehand() -> None:
    with running("dify", "--strict", "--app", "sales=chatflow", "--app", "hr") as (_, ready):
        assert set(ready["dify"]["apps"]) == {"simulated", "sales", "hr"}
        headers = {"Authorization": f"Bearer {ready['dify']['apps']['sales']}"}
        with urlopen(Request(f"{ready['dify']['base_url']}/info", headers=headers)) as response:
            assert json.load(response)["mode"] == "advanced-chat"


@pytest.mark.full
def test_ports_in_a_row_and_an_interrupt() -> None:
    base = free_pair()
    with running("openai", "wecom", "--port-base", str(base)) as (process, ready):
        assert ready["openai"]["base_url"] == f"http://127.0.0.1:{base}/v1"
        assert ready["wecom"]["base_url"] == f"http://127.0.0.1:{base + 1}"
        code, stderr = failed("wecom", "--port-base", str(base))
        assert code == 1
        assert f"127.0.0.1:{base}" in stderr
        assert "in use" in stderr
        done = subprocess.run(
            [*TRAFFIC, json.dumps({"simulator": ready["wecom"]["base_url"], "messages": 1})],
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert "callback" in done.stderr
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "args",
    [
        ("telegram",),
        (),
        ("google",),
        ("openai", "openai"),
        ("openai", "--fault", "bogus"),
        ("openai", "--fault", "wecom/drop"),
        ("dify", "--app", "orders=robot"),
    ],
)
def test_usage_errors(args: tuple[str, ...]) -> None:
    code, stderr = failed(*args)
    assert code == 2
    if args == ("google",):
        assert "did you mean gemini?" in stderr.replace("│", " ")
    if args == ("openai", "openai"):
        assert "named twice" in stderr
    if args == ("telegram",):
        assert "openai" in stderr
        assert "wecom" in stderr


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(NotFound, match="openai, wecom"):
        simulated("telegram")
