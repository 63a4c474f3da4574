"""A connection that breaks: forwards to a service, and cuts the first requests for a path after some bytes."""
from __future__ import annotations

import socket
import threading
from urllib.parse import urlsplit


class CuttingProxy:
    def __init__(self, url: str, path: bytes, times: int, *, up: int | None = None, down: int | None = None):
        self._to = (urlsplit(url).hostname, urlsplit(url).port)
        self._path, self._left, self._up, self._down = path, times, up, down
        self._lock = threading.Lock()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.cuts = 0
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            chunk = client.recv(65536)
            if not chunk:
                return client.close()
            head += chunk
        line = head.split(b"\r\n", 1)[0]
        with self._lock:
            cut = self._path in line and self._left > 0
            self._left -= cut
            self.cuts += cut
        own = self.url.removeprefix("http://").encode()
        theirs = f"{self._to[0]}:{self._to[1]}".encode()
        # One request a connection: each is looked at.
        head = head.replace(b"Host: " + own, b"Host: " + theirs).replace(b"keep-alive", b"close")
        upstream = socket.create_connection(self._to)
        ends = (client, upstream)
        sizes = {"up": self._up if cut else None, "down": self._down if cut else None}
        body = head.split(b"\r\n\r\n", 1)[1]
        if sizes["up"] is not None and len(body) > sizes["up"]:
            upstream.sendall(head[: len(head) - len(body) + sizes["up"]])
            return self._close(ends)
        upstream.sendall(head)
        left = None if sizes["up"] is None else sizes["up"] - len(body)
        threading.Thread(target=self._pump, args=(client, upstream, left, ends), daemon=True).start()
        self._pump(upstream, client, sizes["down"], ends)

    def _pump(self, source, target, left, ends):
        try:
            while True:
                chunk = source.recv(65536 if left is None else max(1, min(left, 65536)))
                if not chunk:
                    break
                target.sendall(chunk)
                if left is not None:
                    left -= len(chunk)
                    if left <= 0:
                        break
        except OSError:
            pass
        self._close(ends)

    @staticmethod
    def _close(ends):
        for end in ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()

    def close(self):
        self._server.close()
