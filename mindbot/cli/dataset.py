"""`mindbot workflow dataset`: knowledge bases of Dify's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mindbot.api import calls
from mindbot.api import workflow_calls as asking
from mindbot.api.workflow_models import DatasetDocumentView, DatasetView
from mindbot.cli import completing
from mindbot.cli.connect import connect
from mindbot.cli.orders import asked, typed, worded
from mindbot.cli.output import Column, JsonOption, one_line, print_json, print_list, wants_json

app = typer.Typer(
    help="Knowledge bases of Dify's: their documents, and what a question finds.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[
    str,
    typer.Argument(
        metavar="DATASET", autocompletion=completing.datasets, help="As `dify_datasets` names it."
    ),
]

COLUMNS: list[Column[DatasetView]] = [
    Column("DATASET", lambda d: d.name),
    Column("TITLE", lambda d: d.title),
    Column("DOCUMENTS", lambda d: str(d.documents), right=True),
    Column("ID", lambda d: d.dataset_id, lesser=1),
    Column("ERROR", lambda d: d.error, below=True),
]
DOCUMENTS: list[Column[DatasetDocumentView]] = [
    Column("DOCUMENT", lambda d: d.name),
    Column("STATUS", lambda d: d.status),
    Column("WORDS", lambda d: str(d.words), right=True),
    Column("ID", lambda d: d.id, lesser=1),
    Column("ERROR", lambda d: d.error, below=True),
]


@app.command(name="list")
def list_datasets(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """List knowledge bases and how many documents each has."""
    found = connect(ctx).ask(asking.datasets())
    print_list(found, COLUMNS, "no knowledge bases are configured (dify_datasets)", as_json=as_json)


@app.command()
def documents(ctx: typer.Context, dataset: Name, as_json: JsonOption = False) -> None:
    """List the documents of one, and how far each is indexed."""
    found = connect(ctx).ask(asking.dataset_documents(dataset))
    print_list(found, DOCUMENTS, "it has no documents", as_json=as_json)


@app.command()
def query(
    ctx: typer.Context,
    dataset: Name,
    text: Annotated[str, typer.Argument(help="The question.")],
    as_json: JsonOption = False,
) -> None:
    """Show what a question finds in one, the best first; no model is asked."""
    found = connect(ctx).ask(asked(asking.query_dataset, name=dataset, text=worded(text)))
    if wants_json(as_json):
        for each in found:
            print_json(each.to_json())
        return
    for piece in found:
        score = "" if piece.score is None else f"{piece.score:.2f}  "
        print(f"{score}{one_line(piece.document)}")
        for words in filter(None, (piece.text, piece.answer)):
            print(f"  {one_line(words)}")
    if not found:
        print("nothing was found")


@app.command()
def upload(
    ctx: typer.Context,
    dataset: Name,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="What is put in.")],
    as_json: JsonOption = False,
) -> None:
    """Put a file into one as a document; it is found once it is indexed (see `documents`)."""
    client = connect(ctx)
    title = typed(file.name, "FILE")
    kept = client.ask(calls.upload(file))
    made = client.ask(asked(asking.put_document, name=dataset, file=kept.id, title=title))
    if wants_json(as_json):
        print_json(made.to_json())
    else:
        print(f"{one_line(made.name)}: {made.status}")
