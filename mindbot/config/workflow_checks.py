"""Apps that could not be asked as written: addresses and keys of something else, patterns of everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from pydantic import SecretStr

from mindbot.config import tree
from mindbot.config.model import Config
from mindbot.config.tree import Finding, KeyPath, Node
from mindbot.config.workflows import COZE_KINDS, WorkflowSettings

#: Paths of Dify's calls where nothing stands before them: Dify serves its API below /v1 (an app's page
#: "API Access" shows the address).
_BARE = frozenset({"", "/chat-messages", "/completion-messages", "/workflows/run"})
_CLOUD, _PAGES = "cloud.dify.ai", ("/app/", "/apps", "/datasets/")
#: What keys begin with, and whose they are. Dify's: app keys, keys of knowledge bases; Coze's: tokens.
_OF_APPS, _OF_DATASETS, _OF_COZE = "an app of Dify's", "Dify's knowledge bases", "Coze"
_KEYS: Mapping[str, str] = {"app-": _OF_APPS, "dataset-": _OF_DATASETS, "pat_": _OF_COZE, "sat_": _OF_COZE}
#: Texts that have no letter, digit or blank in common: what matches each of them matches everything.
_UNLIKE = ("a", "7", " ", "文", "☃")

_Told = tuple[KeyPath, str]


def warnings(root: Node, config: Config) -> list[Finding]:
    """Return what an operator who wrote workflows and knowledge bases does not expect of them."""
    found = [*_workflows(config), *_datasets(config), *_shared_keys(config)]
    return [Finding(tree.find(root, path)[0].origin, f"{tree.dotted(path)} {what}") for path, what in found]


def _workflows(config: Config) -> Iterator[_Told]:
    for name, workflow in config.workflows.items():
        if not workflow.enabled:
            continue
        at: KeyPath = ("workflows", name)
        for n, pattern in enumerate(workflow.task_patterns):
            if _matches_all(pattern):
                yield (
                    (*at, "task_patterns", n),
                    "matches every text, so the workflow is meant by all. Remove it",
                )
        coze = workflow.type in COZE_KINDS
        if coze:
            yield from _key((*at, "api_key"), workflow.api_key, _OF_COZE)
        else:
            yield from _address((*at, "dify_endpoint"), workflow.dify_endpoint)
            yield from _key((*at, "dify_api_key"), workflow.dify_api_key, _OF_APPS)
        for n, replica in enumerate(workflow.replicas):
            here: KeyPath = (*at, "replicas", n)
            if replica.enabled and not coze:
                yield from _address((*here, "dify_endpoint"), replica.dify_endpoint)
            if replica.enabled:
                yield from _key((*here, "dify_api_key"), replica.dify_api_key, _OF_COZE if coze else _OF_APPS)


def _datasets(config: Config) -> Iterator[_Told]:
    for name, dataset in config.dify_datasets.items():
        yield from _address(("dify_datasets", name, "base_url"), dataset.base_url)
        yield from _key(("dify_datasets", name, "api_key"), dataset.api_key, _OF_DATASETS)


def _address(path: KeyPath, url: str) -> Iterator[_Told]:
    """Yield what is wrong with an address of Dify's API."""
    parts = urlsplit(url)
    if not parts.scheme or not parts.hostname:
        return  # none, or a reference
    page = parts.path.startswith(_PAGES) and "/v1" not in parts.path
    if parts.hostname == _CLOUD or page:
        there = "https://api.dify.ai" if parts.hostname == _CLOUD else f"{parts.scheme}://{parts.netloc}"
        yield path, f"is a page for people, and not the API. Write {there}/v1"
    elif parts.path.rstrip("/") in _BARE:
        yield path, f"lacks /v1, below which Dify serves its API. Write {parts.scheme}://{parts.netloc}/v1"


def _key(path: KeyPath, key: SecretStr | None, wanted: str) -> Iterator[_Told]:
    """Yield that a key is of something else, as far as it stands there itself and tells."""
    text = key.get_secret_value() if key is not None else ""
    for begins, whose in _KEYS.items():
        if text.startswith(begins) and whose != wanted:
            yield path, f"begins with {begins}, so it is a key of {whose}. Put one of {wanted} there"


def _shared_keys(config: Config) -> Iterator[_Told]:
    """Yield that two workflows of unlike types have one app: it can be of but one."""
    known: dict[tuple[str, str], tuple[str, WorkflowSettings]] = {}
    for name, workflow in config.workflows.items():
        if not workflow.enabled or workflow.type in COZE_KINDS or workflow.dify_api_key is None:
            continue
        app = (urlsplit(workflow.dify_endpoint).netloc, workflow.dify_api_key.get_secret_value())
        first, other = known.setdefault(app, (name, workflow))
        if other.type != workflow.type:
            what = f"is that of {first} too, and an app is of one type: {other.type} or {workflow.type}"
            yield ("workflows", name, "dify_api_key"), f"{what}. Give both its type"


def _matches_all(pattern: str) -> bool:
    import re2  # loaded only where there are patterns

    return all(re2.search(pattern, text) for text in _UNLIKE)
