"""Command lines in this process, for tests to which a process of their own is not the point."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from subprocess import CompletedProcess

from mindbot.cli.main import main


def mindbot(*arguments: str) -> CompletedProcess[str]:
    """Run a command line to its end, as from a pipe; starting a process would take longer than it does.

    Anything but a way of ending that users may see is raised: a traceback is never a result.
    """
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    code: object = None
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int)
    said, told = (stream.buffer.getvalue().decode() for stream in (out, err))
    return CompletedProcess(arguments, code, said, told)
