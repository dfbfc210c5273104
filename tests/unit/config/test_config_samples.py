"""The samples operators already have load as they are, alone and merged."""

from __future__ import annotations

from pathlib import Path

import pytest

from mindbot.config.load import load

SAMPLES = sorted((Path(__file__).parents[2] / "data" / "config").glob("*.yaml"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_loads_alone(sample: Path) -> None:
    assert load([sample], environ={}).files == [sample]


def test_all_nine_load_merged() -> None:
    assert len(SAMPLES) == 9
    config = load(SAMPLES, environ={}).config
    assert [(bot.platform, bot.name) for bot in config.bots()] == [
        ("console", "default"),
        ("dingtalk", "default"),
        ("wecom", "default"),
        ("wecomcs", "default"),
    ]
    assert config.dingtalk[0].enable_stream_reply
    assert (config.wecom[0].port, config.wecomcs[0].port) == (2290, 2289)
    assert config.wecom[0].encoding_aes_key.get_secret_value() == "your_encryption_key"
    assert list(config.providers) == ["openai", "dify", "coze", "chatglm", "anthropic", "google"]
    assert len(config.workflows) == 6
    assert config.alert_manager is not None and config.alert_manager.rules["dify_api_down"].severity == "high"
    assert config.chromadb is not None and config.chromadb.chunk_overlap == 200


def test_the_agent_sample_overlays_without_losing_details() -> None:
    config = load(SAMPLES, environ={}).config
    assert [(m.name, m.max_tokens) for m in config.providers["openai"].models] == [
        ("gpt-4", 4096),
        ("gpt-3.5-turbo", 4096),
    ]
    assert [w.workflow_id for w in config.providers["dify"].workflows] == ["workflow_123", "workflow_456"]
    assert config.providers["dify"].timeout == 45
    assert config.workflows["general_chat"].task_patterns
    assert config.agent is not None and config.agent.langchain is not None
    assert config.agent.langchain.tools == ("calculator", "get_time", "web_search")
    assert config.agent.langchain.primary_provider == "openai"


def test_the_illegal_escape_is_mended_with_a_warning() -> None:
    sample = next(s for s in SAMPLES if s.name.startswith("06"))
    loaded = load([sample], environ={})
    assert loaded.config.workflows["code_analysis"].task_patterns[2] == r"python|javascript|java|c\+\+|sql"
    (warning,) = [w for w in loaded.warnings if "escape" in w]
    assert warning.startswith(f"{sample}:20:34: ")
    assert r"Write \\+, or put the text in single quotes" in warning


def test_unset_variables_and_placeholders_are_warnings() -> None:
    loaded = load(SAMPLES, environ={"OPENAI_API_KEY": "sk-set"})
    assert not [w for w in loaded.warnings if "OPENAI_API_KEY" in w]
    (warning,) = [w for w in loaded.warnings if "GOOGLE_API_KEY" in w]
    assert "07-agent.yaml:37:16: providers.google.api_key: ${GOOGLE_API_KEY} is not set" in warning
    assert [w for w in loaded.warnings if "wecom.secret still holds a placeholder" in w]
