"""`mindbot session`: conversations."""

from __future__ import annotations

from typing import Annotated

import typer

from mindbot.api import calls, models, replay_calls
from mindbot.api.replay_models import ForkSession
from mindbot.cli import completing, rollback, taking_over
from mindbot.cli.connect import connect
from mindbot.cli.output import Column, JsonOption, clock, one_line, print_json, print_list, wants_json

app = typer.Typer(
    help="Conversations.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)

COLUMNS: list[Column[models.SessionView]] = [
    Column("SESSION", lambda s: s.session),
    Column("ACTIVE", lambda s: clock(s.active)),
    Column("TURNS", lambda s: str(s.turns), right=True),
    Column("LAST", lambda s: s.last),
    Column("STATE", lambda s: s.state),
    Column("TAKEN BY", lambda s: s.taken_by, lesser=1),
    Column("LEFT", lambda s: "" if s.left is None else str(s.left), right=True),
    Column("TEXT", lambda s: s.text),
]


@app.callback()
def group() -> None:
    """Conversations. `mindbot turns 'session == "…"'` lists the turns of one."""


@app.command(name="list")
def list_sessions(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    before: Annotated[
        str,
        typer.Option(
            metavar="TURN", autocompletion=completing.turns, help="Go on after the session of this LAST."
        ),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """List sessions, the most recently active first."""
    found = connect(ctx).ask(calls.sessions(limit, before))
    print_list(found, COLUMNS, "no sessions yet", as_json=as_json)


app.command(name="taken")(taking_over.taken)
app.command(name="take")(taking_over.take)
app.command(name="say")(taking_over.say)
app.command(name="hand-back")(taking_over.hand_back)
app.command(name="chat")(taking_over.chat)


@app.command()
def transfer(
    ctx: typer.Context,
    session: Annotated[
        str,
        typer.Argument(
            metavar="SESSION", autocompletion=completing.sessions, help="As `session list` shows it."
        ),
    ],
    to: Annotated[str, typer.Argument(metavar="TO", help="pool, bot, end, or a person's user id.")],
    as_json: JsonOption = False,
) -> None:
    """Hand a conversation to people, or back to the bot."""
    found = connect(ctx).ask(calls.transfer(session, to))
    if wants_json(as_json):
        print_json(found.to_json())
    else:
        print(one_line(f"{found.session} is {found.state}{f': {found.servicer}' if found.servicer else ''}"))


@app.command()
def fork(
    ctx: typer.Context,
    session: Annotated[
        str,
        typer.Argument(
            metavar="SESSION", autocompletion=completing.sessions, help="As `session list` shows it."
        ),
    ],
    at: Annotated[
        str,
        typer.Option(
            metavar="TURN", autocompletion=completing.turns, help="The last turn that counts; else all do."
        ),
    ] = "",
    copy_conversations: Annotated[
        bool,
        typer.Option(
            "--copy-conversations",
            help="Go on with the user's own conversations at vendors of workflows, instead of new ones.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Go on from a moment of a conversation in a sandbox: nothing reaches the user."""
    order = ForkSession(at=at, conversations="copy" if copy_conversations else "renew")
    found = connect(ctx).ask(replay_calls.fork(session, order))
    if wants_json(as_json):
        print_json(found.to_json())
        return
    print(one_line(f"{found.session} goes on after {found.exchanges} exchanges of {found.of}"))
    print(f"say something in it: mindbot send TEXT --session {found.session}")


@app.command()
def clear(
    ctx: typer.Context,
    session: Annotated[
        str,
        typer.Argument(
            metavar="SESSION", autocompletion=completing.sessions, help="As `session list` shows it."
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Let the bot forget what was said so far; the turns stay to be seen."""
    found = connect(ctx).ask(calls.clear(session))
    if wants_json(as_json):
        print_json(found.to_json())
    else:
        print(one_line(f"the bot has forgotten what was said in {found.session}"))


app.command()(rollback.rollback)
app.command()(rollback.restore)
