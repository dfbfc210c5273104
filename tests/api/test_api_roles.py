"""Roles come from the kernel's word on who connected."""

from __future__ import annotations

import grp
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from daemon_here import running

from mindbot.domain.errors import ConfigError
from mindbot_daemon.server.roles import Peer, Role, Roles, peer_of, read_roles

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to connect as somebody else")

#: Connects as user 1000 with the given groups, sends one request, prints status and body as JSON. The socket
#: is named from its own folder: those above are pytest's, and each session that begins closes them to others.
AS_SOMEBODY = """
import json, os, socket, sys
os.setgroups([int(g) for g in sys.argv[2].split(",") if g]); os.setgid(1000); os.setuid(1000)
c = socket.socket(socket.AF_UNIX); c.connect(sys.argv[1])
body = sys.argv[4]
c.sendall((f"{sys.argv[3]} HTTP/1.1\\r\\nhost: x\\r\\nconnection: close\\r\\n"
           f"content-type: application/json\\r\\ncontent-length: {len(body)}\\r\\n\\r\\n{body}").encode())
answer = b""
while part := c.recv(65536):
    answer += part
head, _, rest = answer.partition(b"\\r\\n\\r\\n")
print(json.dumps([int(head.split()[1]), rest.decode()]))
"""


def test_root_and_the_daemons_own_user_are_admins_and_others_have_the_highest_role_of_their_groups() -> None:
    roles = Roles({10: Role.viewer, 20: Role.operator}, admins=frozenset((0, 500)))
    assert roles.of(Peer(1, 0, frozenset())) is Role.admin
    assert roles.of(Peer(1, 500, frozenset())) is Role.admin
    assert roles.of(Peer(1, 1000, frozenset((10, 20, 30)))) is Role.operator
    assert roles.of(Peer(1, 1000, frozenset((30,)))) is None


def test_groups_are_named_and_those_of_the_socket_are_operators() -> None:
    name = grp.getgrall()[1]
    roles = read_roles({name.gr_name: "viewer"}, "4242")
    assert roles.by_group == {name.gr_gid: Role.viewer, 4242: Role.operator}


@pytest.mark.parametrize("wanted", [{"no such group": "viewer"}, {"0": "emperor"}])
def test_unknown_groups_and_roles_are_configuration_errors(wanted: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        read_roles(wanted)


def test_the_group_that_unmapped_users_share_gives_no_role() -> None:
    overflow = Path("/proc/sys/kernel/overflowgid").read_text().strip()
    assert read_roles({overflow: "admin"}).by_group == {}


def test_a_peer_is_known_with_its_supplementary_groups() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        peer = peer_of(ours)
    assert (peer.pid, peer.uid) == (os.getpid(), os.geteuid())
    assert peer.groups == {os.getegid(), *os.getgroups()}


@pytest.mark.full
@needs_root
@pytest.mark.anyio
async def test_each_role_may_do_what_it_may(tmp_path: Path) -> None:
    place = {"roles": {"7001": "viewer", "7002": "operator", "7003": "admin"}}
    async with running(tmp_path, **place) as up:
        up.socket.parent.chmod(0o711)
        up.socket.chmod(0o666)

        roles: dict[str, str] = {}
        known: dict[str, bool] = {}

        async def status(groups: str, request: str, body: str = "") -> int:
            arguments = [sys.executable, "-c", AS_SOMEBODY, up.socket.name, groups, request, body]
            errors = subprocess.STDOUT
            done = await anyio.run_process(arguments, cwd=up.socket.parent, stderr=errors, check=False)
            assert done.returncode == 0, done.stdout.decode()
            code, answer = json.loads(done.stdout)
            if code == 403:
                assert json.loads(answer)["kind"] == "forbidden"
            elif request == "GET /v1/health/ready":
                known[groups] = bool(json.loads(answer)["components"])
            elif request == "GET /v1/status":
                roles[groups] = json.loads(answer)["role"]
            return int(code)

        send = ("POST /v1/turns", '{"text": "hi"}')
        secret = ("PUT /v1/secrets/a", '{"value": "x"}')
        assert await status("", "GET /v1/ping") == 200
        assert await status("", "GET /v1/health/ready") == await status("7001", "GET /v1/health/ready") == 200
        assert known == {"": False, "7001": True}, "strangers learn no more than whether it is ready"
        assert await status("9999", "GET /v1/status") == 403
        assert await status("9999,7001", "GET /v1/status") == 200
        assert await status("7001", *send) == 403
        assert await status("7002", *send) == 200
        assert await status("7001", "POST /v1/turns/01T/take-back") == 403
        for costs in ("routes/explain", "workflows/classify", "datasets/handbook/query"):
            assert await status("7001", f"POST /v1/{costs}", '{"text": "hi"}') == 403
            assert await status("7002", f"POST /v1/{costs}", '{"text": "hi"}') == 200
        assert await status("7002", "POST /v1/turns/01T/take-back") == 404
        assert await status("7002", *secret) == 403
        assert await status("7003", *secret) == 204
        assert await status("7003", "GET /v1/status") == 200
        assert roles == {"9999,7001": "viewer", "7003": "admin"}


@needs_root
@pytest.mark.anyio
async def test_the_socket_belongs_to_its_group_and_nobody_else(tmp_path: Path) -> None:
    async with running(tmp_path, group="7002") as up:
        found = up.socket.stat()
        assert (found.st_mode & 0o777, found.st_gid) == (0o660, 7002)
        assert up.socket.parent.stat().st_mode & 0o777 == 0o755
