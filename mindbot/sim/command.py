"""`mindbot sim NAME…`: simulators as one process. The heavy imports wait until it runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import typer

sim = typer.Typer(
    name="sim", help="Run simulators of platforms and vendors.", add_completion=False, rich_markup_mode=None
)


def _names(incomplete: str) -> list[str]:
    from mindbot.sim.catalog import SIMULATORS

    return list(SIMULATORS)


def _faces(incomplete: str) -> list[str]:
    from mindbot.sim.openai.faces import FACES

    return list(FACES)


def _apps(given: Iterable[str]) -> dict[str, dict[str, str]]:
    """Read `--app NAME=KIND`; raises BadParameter."""
    from mindbot.sim.dify.apps import PREFIXES

    kinds = {prefix.removeprefix("app-").rstrip("-"): mode for prefix, mode in PREFIXES.items()}
    found: dict[str, dict[str, str]] = {}
    for each in given:
        name, equals, kind = each.partition("=")
        if not name or (equals and kind not in kinds):
            hint = f"{each!r} is no NAME or NAME=KIND, KIND one of {', '.join(kinds)}"
            raise typer.BadParameter(hint, param_hint="--app")
        found[name] = {"mode": kinds[kind]} if kind else {}
    return found


@sim.command(name="sim")
def run_simulators(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME", autocompletion=_names, help="Which simulators, e.g. wecom openai."),
    ],
    port_base: Annotated[int, typer.Option(min=0, max=65000, help="First port; 0 takes free ones.")] = 0,
    host: Annotated[
        str, typer.Option(help="Address to bind. Anybody who reaches it controls it.")
    ] = "127.0.0.1",
    fault: Annotated[list[str] | None, typer.Option(help="[NAME/]KIND[:OPTION…][@PATH]; repeatable.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Check credentials and model names.")] = False,
    latency: Annotated[float, typer.Option(min=0, help="Milliseconds before a model answers.")] = 0,
    tokens_per_second: Annotated[
        float, typer.Option(min=0, help="How fast a model streams; 0 sends everything at once.")
    ] = 0,
    face: Annotated[
        str,
        typer.Option(
            autocompletion=_faces, help="Whose way openai speaks: openrouter, deepseek, azure, vllm, …"
        ),
    ] = "openai",
    app: Annotated[
        list[str] | None,
        typer.Option(help="An app of dify, NAME or NAME=KIND; its key is app-NAME. Repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Makes the faults repeat.")] = 0,
) -> None:
    """Run simulators until a signal; the first line on stdout says how to reach them, as JSON."""
    from mindbot.domain.errors import ConfigError, Conflict, NotFound
    from mindbot.sim.catalog import MODEL_VENDORS
    from mindbot.sim.openai.faces import FACES
    from mindbot.sim.process import run

    if face not in FACES:
        raise typer.BadParameter(f"{face!r} is none of {', '.join(FACES)}", param_hint="--face")
    own: dict[str, dict[str, Any]] = {"openai": {"face": face}, "dify": {"apps": _apps(app or ())}}
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise typer.BadParameter(
            f"{twice!r} is named twice: start another command for another one", param_hint="NAME"
        )
    try:
        run(
            names,
            port_base,
            host=host,
            faults=tuple(fault or ()),
            strict=strict,
            latency=latency / 1000,
            seed=seed,
            own={
                name: {"tokens_per_second": tokens_per_second, **own.get(name, {})} for name in MODEL_VENDORS
            },
        )
    except NotFound as exc:
        raise typer.BadParameter(str(exc), param_hint="NAME") from exc
    except ConfigError as exc:
        raise typer.BadParameter(str(exc), param_hint="--fault") from exc
    except Conflict as exc:
        typer.echo(f"mindbot sim: {exc}", err=True)
        raise typer.Exit(1) from exc
