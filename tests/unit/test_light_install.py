"""The light install leaves chromadb and langchain-core out: no module may need them to be imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

IMPORT_ALL = """
import importlib, pkgutil, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("chromadb", "langchain_core"):
            raise ModuleNotFoundError(f"{name} is left out", name=name)

sys.meta_path.insert(0, Missing())
ADAPTERS = ("mindbot.providers.langchain.lines", "mindbot.providers.langchain.model")
for root in ("mindbot", "mindbot_daemon", "mindbot_tui"):
    for module in pkgutil.walk_packages(importlib.import_module(root).__path__, f"{root}."):
        # Alembic runs migrations, nobody imports them; the adapter is imported where LangChain is used.
        if not module.name.startswith(("mindbot.store.migrations.", *ADAPTERS)):
            importlib.import_module(module.name)
print(len(sys.modules))
"""


@pytest.mark.full
def test_every_module_can_be_imported_without_what_the_light_install_leaves_out() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
