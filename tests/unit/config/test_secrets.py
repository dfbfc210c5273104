"""References are resolved late, in order, and what comes of them is masked."""

from __future__ import annotations

from pathlib import Path

import pytest
from keyring.backend import KeyringBackend
from keyring.core import load_keyring
from keyring.errors import KeyringError, PasswordDeleteError
from pydantic import SecretStr

from mindbot.config.secrets import SecretLookup, variable
from mindbot.domain.errors import NotFound, SecretError
from mindbot.telemetry.redaction import Redactor

pytestmark = pytest.mark.anyio


class DictKeyring(KeyringBackend):
    """A stranger's backend."""

    priority = 1
    kept: dict[tuple[str, str], str] = {}  # noqa: RUF012

    def get_password(self, service: str, username: str) -> str | None:
        if username == "broken":
            raise RuntimeError("the vault says: hunter2")
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def named_keyring() -> str:
    DictKeyring.kept = {}
    return f"{DictKeyring.__module__}.DictKeyring"


def test_a_plain_text_and_a_variable(tmp_path: Path) -> None:
    secrets = SecretLookup(tmp_path, {"KEY": "from-env", "EMPTY": ""})
    assert secrets.get("plain") == "plain"
    assert secrets.get(SecretStr("${KEY}")) == "from-env"
    assert secrets.get("${NO:-fallback}") == "fallback"
    assert secrets.get("${EMPTY:-fallback}") == "fallback"
    assert secrets.get("a-${KEY}-b") == "a-from-env-b"
    with pytest.raises(SecretError, match=r"\$\{NO\} is not set"):
        secrets.get("${NO}")


def test_the_order_credential_environment_keyring_file(tmp_path: Path, named_keyring: str) -> None:
    (tmp_path / "creds").mkdir()
    SecretLookup(tmp_path, {}).set("name", "from-file")
    environ: dict[str, str] = {}

    def found() -> tuple[str, str]:
        return SecretLookup(tmp_path, environ).lookup("name")

    assert found() == ("from-file", "secret file")
    environ["PYTHON_KEYRING_BACKEND"] = named_keyring
    assert found() == ("from-file", "secret file")
    DictKeyring.kept["mindbot", "name"] = "from-keyring"
    assert found() == ("from-keyring", "keyring")
    environ["MINDBOT_SECRET_NAME"] = "from-env"
    assert found() == ("from-env", "environment")
    (tmp_path / "creds" / "name").write_text("from-credential\n")
    environ["CREDENTIALS_DIRECTORY"] = str(tmp_path / "creds")
    assert found() == ("from-credential", "systemd credential")
    assert SecretLookup(tmp_path, environ).get("keyring:name") == "from-credential"


def test_a_credential_reference_is_that_and_nothing_else(tmp_path: Path) -> None:
    secrets = SecretLookup(tmp_path, {"MINDBOT_SECRET_NAME": "x", "CREDENTIALS_DIRECTORY": str(tmp_path)})
    with pytest.raises(SecretError, match=r"no systemd credential named 'name' \(LoadCredential=name:PATH"):
        secrets.get("credential:name")
    (tmp_path / "name").write_text("two\nlines\n")
    assert secrets.get("credential:name") == "two\nlines"
    (tmp_path / "name").write_bytes(b"\xff")
    secrets.forget()
    with pytest.raises(SecretError, match="is not UTF-8"):
        secrets.get("credential:name")


def test_an_unknown_name_says_how_to_set_it(tmp_path: Path) -> None:
    with pytest.raises(
        SecretError, match=r"no secret named 'wecom-secret' \(mindbot secret set wecom-secret\)"
    ):
        SecretLookup(tmp_path, {}).get("keyring:wecom-secret")


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b", "x" * 200, "a\n"])
def test_a_name_is_never_a_path(tmp_path: Path, name: str) -> None:
    secrets = SecretLookup(tmp_path / "state", {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    for attempt in (
        lambda: secrets.get(f"credential:{name}"),
        lambda: secrets.get(f"keyring:{name}"),
        lambda: secrets.set(name, "v"),
        lambda: secrets.delete(name),
    ):
        with pytest.raises(SecretError, match="is no name"):
            attempt()


def test_set_list_delete_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "from-systemd").write_text("v")
    secrets = SecretLookup(tmp_path, {"CREDENTIALS_DIRECTORY": str(tmp_path / "c")})
    secrets.set("b", "1")
    assert secrets.get("keyring:b") == "1"
    secrets.set("b", "2")
    assert secrets.get("keyring:b") == "2"
    assert secrets.list() == ["b", "from-systemd"]
    secrets.delete("b")
    with pytest.raises(NotFound):
        secrets.delete("b")
    with pytest.raises(SecretError, match="cannot be empty"):
        secrets.set("b", "")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("sk-a\nb", "a line end at character 5"),
        ("sk-a\x1b[0m", r"U\+001B at character 5"),
        ("sk\0", r"U\+0000 at character 3"),
        ("sk－a", r"U\+FF0D \(full-width hyphen-minus\) at character 3. Type a plain -"),
        ("sk-\u200b", r"U\+200B .*at character 4. Delete it"),
    ],
)
def test_what_no_credential_holds_is_not_kept(tmp_path: Path, value: str, told: str) -> None:
    secrets = SecretLookup(tmp_path, {})
    with pytest.raises(SecretError, match=told) as caught:
        secrets.set("b", value)
    assert "sk" not in str(caught.value) and secrets.list() == []


KEY = "-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\nAAAA\n-----END PRIVATE KEY-----"
SEALED_KEY = (
    "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nbm90\n-----END RSA PRIVATE KEY-----\n"
)


@pytest.mark.parametrize("value", [KEY, SEALED_KEY, f"{KEY}\n{SEALED_KEY}\n{KEY}"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_key_in_pem_is_kept_whole(tmp_path: Path, named_keyring: str, value: str, ends: str) -> None:
    written = value.replace("\n", ends)
    (tmp_path / "credential").write_bytes(written.encode() + b"\n")
    SecretLookup(tmp_path, {}).set("file", written)
    named = {"PYTHON_KEYRING_BACKEND": named_keyring}
    SecretLookup(tmp_path, named).set("keyring", written)
    found = SecretLookup(tmp_path, {**named, "CREDENTIALS_DIRECTORY": str(tmp_path)})
    for place in ("keyring:file", "keyring:keyring", "credential:credential"):
        assert found.get(place) == value, place


@pytest.mark.parametrize(
    "value",
    [
        KEY + "\nand more",
        "key:\n" + KEY,
        KEY.removesuffix("-----END PRIVATE KEY-----"),
        KEY.replace("END PRIVATE", "END PUBLIC"),
        KEY.replace("AAAA\n", "AA\x1bA\n"),
        KEY.replace("AAAA\n", "AA\u200bA\n"),
        KEY.replace("AAAA\n", "-----BEGIN PRIVATE KEY-----\nAAAA\n"),
        (KEY + "\n") * 400 + "-",
    ],
)
def test_a_key_in_pem_with_something_else_is_not_kept(tmp_path: Path, value: str) -> None:
    with pytest.raises(SecretError, match=r"more than a whole PEM block .*: a line end at character \d+"):
        SecretLookup(tmp_path, {}).set("b", value)


def test_set_and_delete_in_the_named_keyring(tmp_path: Path, named_keyring: str) -> None:
    secrets = SecretLookup(tmp_path, {"PYTHON_KEYRING_BACKEND": named_keyring})
    secrets.set("b", "1")
    assert DictKeyring.kept == {("mindbot", "b"): "1"}
    assert not (tmp_path / "secrets.bin").exists()
    secrets.delete("b")
    with pytest.raises(NotFound):
        secrets.delete("b")


def test_a_strangers_error_does_not_leak(tmp_path: Path, named_keyring: str) -> None:
    with pytest.raises(SecretError, match="RuntimeError") as caught:
        SecretLookup(tmp_path, {"PYTHON_KEYRING_BACKEND": named_keyring}).get("keyring:broken")
    assert "hunter2" not in str(caught.value) and caught.value.__cause__ is None
    with pytest.raises(SecretError, match=r"with no\.such\.Keyring"):
        SecretLookup(tmp_path, {"PYTHON_KEYRING_BACKEND": "no.such.Keyring"}).get("keyring:a")


async def test_resolved_values_are_masked_and_remembered(tmp_path: Path) -> None:
    masks = Redactor()
    environ = {"KEY": "sk-from-the-environment", "DB": "database-password"}
    secrets = SecretLookup(tmp_path, environ, masks)
    assert await secrets.aget(SecretStr("${KEY}")) == "sk-from-the-environment"
    assert await secrets.aget("postgresql://u:${DB}@h/db") == "postgresql://u:database-password@h/db"
    environ["KEY"] = "changed-meanwhile"
    assert secrets.get("${KEY}") == "sk-from-the-environment"
    secrets.forget()
    assert await secrets.aget("${KEY}") == "changed-meanwhile"
    secrets.set("kept", "kept-in-the-file")
    text = "sk-from-the-environment database-password changed-meanwhile kept-in-the-file"
    assert masks.registered(text) == "******** ******** ******** ********"
    assert "sk-from" not in repr(secrets) and "sk-from" not in str(vars(secrets).get("_masks"))


def test_the_variable_of_a_name() -> None:
    assert variable("wecom-secret.v2") == "MINDBOT_SECRET_WECOM_SECRET_V2"


def test_the_keyring_package_can_use_our_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYRING_PROPERTY_FOLDER", str(tmp_path))
    keyring = load_keyring("mindbot.config.keyring_backend.MindBotKeyring")
    keyring.set_password("mindbot", "a", "v")
    assert keyring.get_password("mindbot", "a") == "v"
    assert SecretLookup(tmp_path, {}).get("keyring:a") == "v"
    keyring.delete_password("mindbot", "a")
    with pytest.raises(PasswordDeleteError):
        keyring.delete_password("mindbot", "a")
    (tmp_path / "secrets.bin").write_bytes(b"damaged")
    with pytest.raises(KeyringError, match="is damaged"):
        keyring.get_password("mindbot", "a")
