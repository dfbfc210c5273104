"""What clients hear of a daemon that cannot start, on the socket that systemd holds for it.

A client that waits in the backlog would make systemd start the service again and again: each is told the
reason instead, and the socket is quiet until the next one asks.
"""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Iterator
from time import monotonic

from mindbot.api.errors import problem_of
from mindbot.domain.errors import ConfigError, Unreachable

_MOST = 256  # clients; more are told by the next start
_PATIENCE = 2.0  # seconds for all of them to read it


def refuse(listener: socket.socket, error: ConfigError) -> int:
    """Answer 503 with the reason to everyone who waits; returns how many that were."""
    reasons = "; ".join(map(str, error.problems)) or error.hint
    problem = Unreachable(
        f"the daemon cannot start: {error.message}" + (f": {reasons}" if reasons else ""),
        hint="mend it, then: systemctl restart mindbot; the whole is in: journalctl -u mindbot",
    )
    body = json.dumps(problem_of(problem)).encode()
    head = (
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    waiting = list(_accept(listener))
    told = [client for client in waiting if _tell(client, head.encode() + body)]
    _let_read(told)
    for client in waiting:
        client.close()
    return len(told)


def _accept(listener: socket.socket) -> Iterator[socket.socket]:
    listener.setblocking(False)
    for _ in range(_MOST):
        try:
            client, _address = listener.accept()
        except BlockingIOError:
            return
        client.setblocking(False)
        yield client


def _tell(client: socket.socket, answer: bytes) -> bool:
    """An answer fits a socket's buffer; whoever has left needs none."""
    try:
        client.sendall(answer)
        client.shutdown(socket.SHUT_WR)
    except OSError:
        return False
    return True


def _let_read(clients: list[socket.socket]) -> None:
    """Take what they still send until they hang up: one that is cut off while it sends reads no answer."""
    end = monotonic() + _PATIENCE
    open_ones = {client.fileno(): client for client in clients}
    while open_ones and (left := end - monotonic()) > 0:
        for fd in select.select(list(open_ones), [], [], left)[0]:
            try:
                gone = not open_ones[fd].recv(1 << 16)
            except OSError:
                gone = True
            if gone:
                del open_ones[fd]
