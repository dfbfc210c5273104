"""What generates text in the worker: thin layers over libraries that only the worker imports.

A backend yields documents of OpenAI's streams ("chat.completion.chunk"), which every reader here knows.
Sources: llama-cpp-python, "High-level API" (`Llama.create_chat_completion`); transformers, "Text generation
pipelines" and `TextIteratorStreamer`.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator
from typing import Any, Protocol

from mindbot.domain.distribution import install_extra
from mindbot.domain.errors import ConfigError
from mindbot.domain.message import Json


class Backend(Protocol):
    """A loaded model. Made with its path and the operator's options."""

    def chunks(self, body: Json) -> Iterator[Json]:
        """Yield the pieces of an answer to a request in OpenAI's form; closed early to stop."""


class LlamaCpp:
    """A GGUF file, by llama-cpp-python."""

    def __init__(self, path: str, options: Json) -> None:
        llama_cpp = _library("llama_cpp", "local-llama")
        self._model = llama_cpp.Llama(model_path=path, **{"n_ctx": 4096, "verbose": False, **options})

    def chunks(self, body: Json) -> Iterator[Json]:
        """Yield what the library streams: it has OpenAI's form already."""
        wanted = ("messages", "temperature", "max_tokens", "tools", "tool_choice")
        asked = {name: body[name] for name in wanted if name in body}
        yield from self._model.create_chat_completion(**asked, stream=True)


class Transformers:
    """A folder or a name of the hub's cache, by transformers."""

    def __init__(self, path: str, options: Json) -> None:
        self._library = _library("transformers", "local-transformers")
        self._pipe = self._library.pipeline("text-generation", model=path, **options)

    def chunks(self, body: Json) -> Iterator[Json]:
        """Yield the words as the model says them."""
        tokenizer = self._pipe.tokenizer
        streamer = self._library.TextIteratorStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
        stop = threading.Event()
        criterion = type("Left", (self._library.StoppingCriteria,), {"__call__": lambda *_: stop.is_set()})
        limit = int(body.get("max_tokens") or 1024)
        how: dict[str, Any] = {"max_new_tokens": limit, "streamer": streamer}
        how["stopping_criteria"] = self._library.StoppingCriteriaList([criterion()])
        if (temperature := body.get("temperature")) is not None:
            how |= {"do_sample": temperature > 0, **({"temperature": temperature} if temperature > 0 else {})}
        failed: list[BaseException] = []

        def generate() -> None:
            try:
                self._pipe(body["messages"], **how)
            except BaseException as error:  # noqa: BLE001 - told where the text is read
                failed.append(error)
                streamer.end()

        thread = threading.Thread(target=generate, daemon=True)
        thread.start()
        said = 0
        try:
            for text in streamer:
                said += len(tokenizer.encode(text, add_special_tokens=False)) if text else 0
                yield _piece({"content": text})
        finally:
            stop.set()
            thread.join()
        if failed:
            raise failed[0]
        asked = len(tokenizer.apply_chat_template(body["messages"], tokenize=True))
        yield {
            **_piece({}, "length" if said >= limit else "stop"),
            "usage": {"prompt_tokens": asked, "completion_tokens": said},
        }


def _piece(delta: Json, finish: str | None = None) -> Json:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def _library(name: str, extra: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ConfigError(f"{error.name} is not installed", hint=install_extra(extra)) from error


def load(backend: str, path: str, options: Json) -> Backend:
    """Load a model; this may take minutes.

    Raises:
        ConfigError: no such backend, or its library is missing.
    """
    known: dict[str, Any] = {"llama_cpp": LlamaCpp, "transformers": Transformers}
    kind = known.get(backend)
    if kind is None:
        module, colon, name = backend.partition(":")
        if not colon:
            names = ", ".join([*known, "package.module:Class"])
            raise ConfigError(f"no backend {backend!r}", hint=f"known: {names}")
        kind = getattr(importlib.import_module(module), name)
    made: Backend = kind(path, options)
    return made
