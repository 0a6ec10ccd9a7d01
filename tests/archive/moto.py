"""moto's S3 server as a process of its own: python -m tests.archive.moto prints `ready http://…` and serves until it is ended."""

import sys
import threading
from pathlib import Path

import botocore.session  # type: ignore[import-untyped]  # it ships no types
from moto.server import ThreadedMotoServer

from proxy.archive.s3 import Bucket
from proxy.model import Secret
from tests.support.processes import ROOT, Server, checkout_environment

NAME = "results"


def bucket(endpoint: str, prefix: str = "kept/here") -> Bucket:
    """The tests' bucket."""
    return Bucket(
        name=NAME,
        prefix=prefix,
        endpoint=endpoint,
        region="eu-test-1",
        access_key=Secret("AKIDCANARY"),
        secret_key=Secret("canary-secret-77"),
    )


class Moto(Server):
    """The server, with an empty bucket once it is entered."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "tests.archive.moto"]
        super().__init__(command, ROOT, folder / "moto.log", checkout_environment())

    def start(self) -> None:
        """Start it and make the bucket."""
        super().start()
        self.client = botocore.session.Session().create_client(
            "s3",
            region_name="us-east-1",
            endpoint_url=self.url,
            aws_access_key_id="AKIDCANARY",
            aws_secret_access_key="canary-secret-77",
        )
        self.client.create_bucket(Bucket=NAME)

    def objects(self) -> list[str]:
        """The keys of all objects."""
        return [one["Key"] for one in self.client.list_objects_v2(Bucket=NAME).get("Contents", [])]

    def unfinished(self) -> list[str]:
        """The keys of all multipart uploads that nobody completed."""
        return [one["Key"] for one in self.client.list_multipart_uploads(Bucket=NAME).get("Uploads", [])]

    def body(self, key: str) -> bytes:
        """An object."""
        read: bytes = self.client.get_object(Bucket=NAME, Key=key)["Body"].read()
        return read


if __name__ == "__main__":
    serving = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    serving.start()
    host, port = serving.get_host_and_port()
    sys.stdout.write(f"ready http://{host}:{port}\n")
    sys.stdout.flush()
    threading.Event().wait()
