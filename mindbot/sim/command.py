"""`mindbot sim NAME…`: simulators as one process. The heavy imports wait until it runs."""

from __future__ import annotations

from typing import Annotated

import typer

sim = typer.Typer(
    name="sim", help="Run simulators of platforms and vendors.", add_completion=False, rich_markup_mode=None
)


@sim.command(name="sim")
def run_simulators(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Which simulators, e.g. wecom openai.")],
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
        str, typer.Option(help="Whose way openai speaks: openrouter, deepseek, azure, vllm, …")
    ] = "openai",
    seed: Annotated[int, typer.Option(help="Makes the faults repeat.")] = 0,
) -> None:
    """Run simulators until a signal; the first line on stdout says how to reach them, as JSON."""
    from mindbot.domain.errors import ConfigError, Conflict, NotFound
    from mindbot.sim.catalog import MODEL_VENDORS
    from mindbot.sim.openai.faces import FACES
    from mindbot.sim.process import run

    if face not in FACES:
        raise typer.BadParameter(f"{face!r} is none of {', '.join(FACES)}", param_hint="--face")
    own = {"openai": {"face": face}}
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
