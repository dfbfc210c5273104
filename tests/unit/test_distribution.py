"""The package has a name of its own, and says how its extras are installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mindbot.domain.distribution import NAME, install_extra, version


def test_the_installed_version_is_known() -> None:
    assert NAME == "mindbotd"
    assert version()[0].isdigit()


@pytest.mark.full
def test_an_extra_is_installed_into_this_environment_and_no_index_is_asked_for_mindbot() -> None:
    # What the extra needs is there for the tests.
    pip, install, package = install_extra("s3").replace('"', "").split()
    command = [pip, install, "--dry-run", "--no-index", package]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert pip.startswith(sys.prefix)
    assert done.returncode == 0, done.stderr
    assert "Would install" not in done.stdout
