"""A private place for configuration files, and a way to load texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from mindbot.config.load import Loaded, load
from mindbot.domain.errors import ConfigError

Load = Callable[..., Loaded]
Refuse = Callable[..., list[str]]


@pytest.fixture
def load_text(tmp_path: Path) -> Load:
    """Load texts as files a.yaml, b.yaml, …"""

    def loaded(*texts: str, environ: Mapping[str, str] | None = None, **options: Any) -> Loaded:
        files = []
        for name, text in zip("abcdefgh", texts, strict=False):
            files.append(tmp_path / f"{name}.yaml")
            files[-1].write_text(text, encoding="utf-8")
            files[-1].chmod(0o600)
        return load(files, environ={"HOME": str(tmp_path), **(environ or {})}, **options)

    return loaded


@pytest.fixture
def refuse(load_text: Load, tmp_path: Path) -> Refuse:
    """Load texts that cannot be used; returns the problems, with the folder left out."""

    def refused(*texts: str, **options: Any) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load_text(*texts, **options)
        return [problem.replace(f"{tmp_path}/", "") for problem in caught.value.problems]

    return refused
