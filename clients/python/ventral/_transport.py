"""Requests to a service: credentials, problems, patience."""
from __future__ import annotations

import json
import re
import time
import uuid
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, Sequence
from urllib.parse import quote, urlsplit

import requests

from ._operations import OPERATIONS, Operation
from ._problem import ConnectionLost, Problem, problem_of

#: Seconds to connect, and between two bytes: a check of a large file takes minutes.
TIMEOUT = (10, 600)
#: Seconds for which a busy or restarting service is asked again.
PATIENCE = 300.0
_PASSING = {"not-ready", "quota-exceeded", "queue-full", "rate-limited"}


class Api:
    """Every operation of ``openapi.yaml`` by its ``operationId``: ``api.getScore(job="job_…")``.

    Path, query and header parameters are keywords (a header as ``last_event_id``); a body is ``body=`` (JSON),
    ``data=`` (bytes or a file) or ``form=`` (a multipart form). The answer is JSON, or bytes where it is no JSON.
    """

    def __init__(self, url: str, key: str | None = None):
        self.url = url.rstrip("/").removesuffix("/v1")
        self._session = requests.Session()
        self._session.headers["User-Agent"] = "ventral-python"
        # A redirect would take the key elsewhere; a proxy has no business with a service of this machine.
        self._session.max_redirects = 0
        if urlsplit(self.url).hostname in ("127.0.0.1", "localhost", "::1"):
            self._session.trust_env = False
        if key is not None:
            self._session.headers["Authorization"] = f"Bearer {key}"

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in OPERATIONS:
            raise AttributeError(f"there is no operation {name}")

        def operation(**given: Any) -> Any:
            return self.call(name, **given)

        operation.__name__ = name
        operation.__doc__ = OPERATIONS[name].summary
        return operation

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *OPERATIONS]

    def call(self, operation: str, **given: Any) -> Any:
        """Sends a request and reads the whole answer."""
        response = self.send(operation, **given)
        with response:
            kind = response.headers.get("Content-Type", "")
            if response.status_code == 204:
                return None
            if re.match(r"application/(?:[\w.+-]+\+)?json\b", kind):
                return response.json()
            return response.content

    def send(
        self,
        operation: str,
        *,
        body: Any = None,
        data: Any = None,
        form: "Form | None" = None,
        accept: str | None = None,
        content_type: str | None = None,
        stream: bool = False,
        patience: float = PATIENCE,
        **parameters: Any,
    ) -> requests.Response:
        """The same, and the answer is not read; one that refuses is raised."""
        known = OPERATIONS[operation]
        path, query, headers = _placed(known, parameters)
        if accept:
            headers["Accept"] = accept
        content: Any = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        elif form is not None:
            headers["Content-Type"] = form.content_type
        elif data is not None:
            headers["Content-Type"] = content_type or known.body[0]
            content = data
        again = data is None or isinstance(data, bytes)
        safe = known.method == "GET" or "Idempotency-Key" in headers
        deadline = time.monotonic() + patience
        wait = 0.25
        while True:
            try:
                response = self._session.request(
                    known.method,
                    f"{self.url}/v1{path}",
                    params=query,
                    headers=headers,
                    data=form.reader() if form is not None else content,
                    stream=stream,
                    timeout=TIMEOUT,
                    allow_redirects=False,
                )
                if response.status_code < 300:
                    return response
                problem: Exception = _refusal(response)
            except requests.RequestException as lost:
                if not (safe and again) or time.monotonic() > deadline:
                    raise ConnectionLost(f"The service at {self.url} does not answer: {lost}") from lost
                problem, response = lost, None
            if isinstance(problem, Problem):
                if problem.code not in _PASSING or not again or time.monotonic() > deadline:
                    raise problem
                wait = max(wait, _seconds(response.headers.get("Retry-After")))
            elif response is not None:
                raise problem
            if time.monotonic() + wait > deadline:
                raise problem if isinstance(problem, Problem) else ConnectionLost(str(problem))
            time.sleep(wait)
            wait = min(2 * wait, 10.0)

    def pages(self, operation: str, **parameters: Any) -> Iterator[Any]:
        """The items of a list, page by page."""
        while True:
            page = self.call(operation, **parameters)
            yield from page["items"]
            if page.get("next") is None:
                return
            parameters["cursor"] = page["next"]

    def close(self) -> None:
        self._session.close()


def new_key() -> str:
    """An ``Idempotency-Key``: what is retried under one key is done once."""
    return str(uuid.uuid4())


def _placed(
    operation: Operation, given: Mapping[str, Any]
) -> tuple[str, list[tuple[str, str]], dict[str, str]]:
    left = dict(given)
    path = operation.template
    for name in operation.path:
        if name not in left:
            raise TypeError(f"{operation.id} needs {name}")
        path = path.replace("{" + name + "}", quote(str(left.pop(name)), safe=""))
    query: list[tuple[str, str]] = []
    for name in operation.query:
        value = left.pop(name, None)
        values = value if isinstance(value, (list, tuple)) else [] if value is None else [value]
        query += [(name, str(each).lower() if isinstance(each, bool) else str(each)) for each in values]
    headers: dict[str, str] = {}
    for name, header in operation.headers.items():
        value = left.pop(name, None)
        if value is not None:
            headers[header] = str(value)
    if left:
        known = [*operation.path, *operation.query, *operation.headers]
        raise TypeError(f"{operation.id} takes {', '.join(known) or 'no parameters'}, found {', '.join(left)}")
    return path, query, headers


def _refusal(response: requests.Response) -> Exception:
    try:
        document = response.json()
        if isinstance(document, dict) and "type" in document:
            return problem_of(document)
    except ValueError:
        pass
    return ConnectionLost(
        f"{response.url} answered {response.status_code} without a problem document: is it ventral?"
    )


def _seconds(text: str | None) -> float:
    return float(text) if text and text.isdigit() else 0.0


class Form:
    """A multipart form whose files are read while they are sent."""

    def __init__(self, fields: Sequence[tuple[str, str]], files: Sequence[tuple[str, str, Path]]):
        boundary = uuid.uuid4().hex
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._parts: list[bytes | Path] = []
        for name, value in fields:
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
            self._parts.append(f"{head}{value}\r\n".encode())
        for name, filename, path in files:
            plain = re.sub(r'[\r\n"\\]', "_", filename)
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{plain}"\r\n'
            self._parts.append(f"{head}Content-Type: application/octet-stream\r\n\r\n".encode())
            self._parts += [path, b"\r\n"]
        self._parts.append(f"--{boundary}--\r\n".encode())

    def reader(self) -> "_Reader":
        return _Reader(self._parts)


class _Reader:
    """What `requests` sends with its length, without holding it."""

    def __init__(self, parts: Sequence[bytes | Path]):
        self._length = sum(p.stat().st_size if isinstance(p, Path) else len(p) for p in parts)
        self._chunks = self._read(parts)
        self._left = b""

    @staticmethod
    def _read(parts: Sequence[bytes | Path]) -> Iterator[bytes]:
        for part in parts:
            if isinstance(part, bytes):
                yield part
                continue
            with part.open("rb") as file:
                while chunk := file.read(2**20):
                    yield chunk

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._left) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._left += chunk
        end = len(self._left) if size < 0 else size
        given, self._left = self._left[:end], self._left[end:]
        return given
