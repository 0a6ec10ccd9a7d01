"""A server of the caller's that callbacks are sent to, and the signature that Standard Webhooks wants (openai-wire.md §1.8), made anew."""

import base64
import hashlib
import hmac
import queue
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.processes import PATIENCE


@dataclass(frozen=True)
class Delivery:
    """One callback as it came."""

    headers: dict[str, str]
    body: bytes


class Receiver:
    """An HTTP server of the caller's, which keeps what it is told."""

    def __init__(self) -> None:
        self._told: queue.SimpleQueue[Delivery] = queue.SimpleQueue()
        told = self._told

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                told.put(Delivery({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
                """Nothing is said."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/told"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def next(self) -> Delivery:
        """The next callback."""
        return self._told.get(timeout=PATIENCE)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def signed_at(told: Delivery, secret: str, moment: int) -> dict[str, str]:
    """The headers of the same event as the gateway would have signed them then (Standard Webhooks)."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{told.headers['webhook-id']}.{moment}.".encode() + told.body
    mark = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {**told.headers, "webhook-timestamp": str(moment), "webhook-signature": f"v1,{mark}"}
