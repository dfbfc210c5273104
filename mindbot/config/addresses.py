"""Addresses as people write them: mended where it is plain what is meant, else refused with the mend."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from mindbot.config import keys, references, tree
from mindbot.config.tree import Finding, KeyPath, Node
from mindbot.telemetry.redaction import redactor

#: Around an address that was copied from a page or a chat.
_AROUND = " \t\r\n\u00a0\u3000<>\"'`“”‘’「」《》,;，；。"
_INVISIBLE = dict.fromkeys([*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF])
_SCHEME = re.compile(r"(https?|wss?)(?::/{0,3}|//)(?=[^/:])", re.IGNORECASE | re.ASCII)
_HOST = re.compile(r"[\w-]+(\.[\w-]+)*\.?|(?=.*:)[0-9a-f:.]+(%\w+)?", re.IGNORECASE)
#: Keys whose value is sent where a user and password of an address would be.
_KEYS = ("api_key", "dify_api_key", "access_key")


@dataclass(frozen=True, slots=True)
class Address:
    """The type of a setting that holds an address; of ``schemes`` the last is the usual one.

    ``endings`` are paths of single calls, which MindBot adds itself. ``query`` says whether a query is meant.
    """

    schemes: tuple[str, ...] = ("http", "https")
    endings: tuple[str, ...] = ()
    query: bool = False

    def read(self, text: str) -> tuple[str, list[str]]:
        """Return the address in order, without a slash at its end, and what had to be mended for it.

        A reference that is not resolved yet is returned as it is.

        Raises:
            ValueError: it is no address, or one that could mean several things.
        """
        if not text or references.is_reference(text):
            return text, []
        notes: list[str] = []

        def step(new: str, note: str, old: str) -> str:
            notes.extend([note] if new != old else [])
            return new

        url = step(unicodedata.normalize("NFKC", text).replace("。", "."), "full-width characters", text)
        url = step(url.translate(_INVISIBLE), "invisible characters", url)
        url = step(url.strip(_AROUND), "blanks or quotes around it", url)
        url = step(self._with_scheme(url), "the scheme", url)
        try:
            parts = urlsplit(url)
            usable = (
                parts.scheme in self.schemes and _HOST.fullmatch(parts.hostname or "") and parts.port != 0
            )
        except ValueError:
            usable = None
        if not usable or re.search(r"[\s\\]", url) or not url.isprintable():
            raise ValueError(f"should be an address such as {self.schemes[-1]}://example.com")
        url = step(parts._replace(fragment="").geturl(), "what is behind #", url)
        if parts.query and not self.query:
            raise ValueError("should be without a query: take away what begins with ?")
        base, mark, query = url.partition("?")
        base = step(re.sub(r"(?<!:)/{2,}(?=[^/])", "/", base), "a slash twice", base).rstrip("/")
        for ending in self.endings:
            base = step(base.removesuffix(ending), f"{ending}, which MindBot adds itself", base).rstrip("/")
        return base + mark + query, notes

    def _with_scheme(self, url: str) -> str:
        if found := _SCHEME.match(url):
            return f"{found[1].lower()}://{url[found.end() :]}"
        bare = url.lstrip("/")
        host = re.split(r"[/?#]", bare, maxsplit=1)[0].rpartition("@")[2]
        if "://" in url or not bare or not re.search(r"[.:]", host):
            return url  # no address, or a bare word: it is refused
        return f"{self.schemes[0] if _is_near(host) else self.schemes[-1]}://{bare}"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(lambda text: self.read(text)[0], handler(source))


def _is_near(host: str) -> bool:
    """Whether a host is one that has no certificate, as a rule: of this machine, or of this network."""
    name = host.rpartition(":")[0] if ":" in host.rpartition("]")[2] else host
    try:
        return not ipaddress.ip_address(name.strip("[]")).is_global
    except ValueError:
        return "." not in name.rstrip(".")  # containers and a hosts file have such names


def mended(root: Node, model: type[BaseModel], warnings: list[Finding]) -> Node:
    """Return the tree with its addresses in order; each that had to be mended is a warning."""
    for path, node in list(tree.leaves(root)):
        kind = _kind(keys.field(model, path)) if path else None
        if kind is None or not isinstance(node.value, str):
            continue
        try:
            text, notes = kind.read(node.value)
        except ValueError:
            continue  # the model says so, with all that is wrong
        if notes:
            what = f"{tree.dotted(path)} is read as {redactor.redact(text)}, without {', '.join(notes)}"
            what = what.replace("without the scheme", "with a scheme").replace(
                ", the scheme", ", with a scheme"
            )
            warnings.append(Finding(node.origin, f"{what}. Write it so"))
        root = tree.put(root, path, replace(node, value=text))
    return root


def _kind(info: Any) -> Address | None:
    return next((m for m in info.metadata if isinstance(m, Address)), None) if info else None


def of(settings: BaseModel) -> list[str]:
    """Return the http addresses in a section's own settings."""
    kinds = {name: _kind(info) for name, info in type(settings).model_fields.items()}
    found = [getattr(settings, name) for name, kind in kinds.items() if kind and "http" in kind.schemes]
    return [url for url in found if url]


def credentials(root: Node, model: type[BaseModel], problems: list[Finding], warnings: list[Finding]) -> None:
    """Mask each password in an address; refuse one that is sent where a key is sent as well."""
    for path, node in tree.leaves(root):
        text = node.value
        if not isinstance(text, str) or "@" not in text or keys.is_secret(keys.at(model, path)):
            continue
        try:
            parts = urlsplit(text)
            secret = unquote(parts.password or "")
        except ValueError:
            continue
        if not parts.hostname or not secret:
            continue
        redactor.register(secret)
        where = tree.dotted(path)
        if key := _key_beside(root, path):
            what = f"{where} holds a user and password, and {key} is sent in the same place"
            problems.append(Finding(node.origin, f"{what}. Take one of them away"))
        elif node.origin.line:
            mend = "Write ${NAME} for it, and export NAME"
            if path == ("http", "proxy"):
                mend = 'Use proxy_user, and proxy_password: "keyring:http-proxy-password"'
            warnings.append(Finding(node.origin, f"{where} holds a password in plain text. {mend}"))


def _key_beside(root: Node, path: KeyPath) -> str:
    section, _, _ = tree.find(root, path[:-1])
    beside: Sequence[str] = [k for k in _KEYS if isinstance(section.value, dict) and k in section.value]
    return next((key for key in beside if section.value[key].value), "")
