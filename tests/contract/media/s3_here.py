"""A bucket on moto's server, in this process on a free loopback port."""

from __future__ import annotations

import logging
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass
class Bucket:
    """Where it is, and who may use it."""

    endpoint: str
    client: Any  # of boto3, for a look from outside
    bucket: str = "mindbot-media"
    access: str = "AKIDTEST"
    secret: str = "a-secret-key"

    async def keys(self) -> tuple[str, str]:
        return self.access, self.secret

    def objects(self, prefix: str = "") -> list[str]:
        found = self.client.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [each["Key"] for each in found.get("Contents", ())]

    def check_keys_from_now_on(self, calls: str = "0") -> None:
        """Accept no unknown keys any more, after so many more calls; inf: accept all."""
        self._moto("reset-auth", calls.encode())

    def _moto(self, what: str, body: bytes) -> None:
        headers = {"Content-Type": "text/plain"}
        request = urllib.request.Request(f"{self.endpoint}/moto-api/{what}", body, headers, method="POST")
        urllib.request.urlopen(request, timeout=10).close()


@contextmanager
def s3_server() -> Iterator[Bucket]:
    """Serve an empty bucket for the length of the block."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=Bucket.access,
        aws_secret_access_key=Bucket.secret,
        region_name="us-east-1",
    )
    bucket = Bucket(endpoint, client)
    try:
        client.create_bucket(Bucket=bucket.bucket)
        yield bucket
    finally:
        bucket.check_keys_from_now_on("inf")  # moto keeps this for all its servers in a process
        server.stop()
