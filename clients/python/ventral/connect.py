"""Finds the service that is meant, or starts one."""
from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
from pathlib import Path
from typing import Iterator

import requests

from ._problem import VentralError
from .local import Local, command
from .service import Service

DEFAULT = "http://127.0.0.1:8080"


def connect(url: str | None = None, key: str | None = None) -> "Service | Local":
    """A service, or the command line where none runs.

    Without ``url`` that of ``VENTRAL_SERVICE``, then the one that runs on ``VENTRAL_HOME``, then
    ``http://127.0.0.1:8080``. Without ``key`` that of ``VENTRAL_KEY``, or of the file of ``VENTRAL_KEY_FILE``.
    """
    key = key or _key()
    named = url or os.environ.get("VENTRAL_SERVICE")
    if named:
        service = Service(named if "://" in named else f"http://{named}", key)
        service.api.call("getHealth", patience=10.0)
        return service
    for address in (_of_home(), DEFAULT):
        if address is not None and _answers(address):
            return Service(address, key)
    return Local(os.environ.get("VENTRAL_HOME"))


def _key() -> str | None:
    given = os.environ.get("VENTRAL_KEY")
    file = os.environ.get("VENTRAL_KEY_FILE")
    return given or (Path(file).read_text().strip() if file else None)


def _of_home() -> str | None:
    home = os.environ.get("VENTRAL_HOME")
    if not home:
        return None
    try:
        return json.loads((Path(home) / "owner.json").read_text()).get("url")
    except (OSError, ValueError, AttributeError):
        return None


def _answers(url: str) -> bool:
    try:
        found = requests.get(f"{url}/v1/health", timeout=2, allow_redirects=False)
        return found.ok and found.headers.get("Content-Type", "").startswith("application/json")
    except requests.RequestException:
        return False


@contextlib.contextmanager
def serve(home: "str | os.PathLike[str] | None" = None, *options: str) -> Iterator[Service]:
    """Starts ``ventral serve`` on a free port, for the time of a ``with``."""
    place = [] if home is None else ["--home", os.fspath(home)]
    process = subprocess.Popen(
        [*command(), *place, "serve", "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Ctrl-C is for the work, whose job is to be cancelled by it.
        start_new_session=True,
    )
    assert process.stdout is not None and process.stderr is not None
    said: list[str] = []
    reader = threading.Thread(target=lambda: said.extend(process.stderr or ()), daemon=True)
    reader.start()
    try:
        url = _announced(process)
        if url is None:
            process.wait()
            reader.join(5)
            raise VentralError("".join(said).strip() or "ventral serve ended before it listened")
        threading.Thread(target=lambda: [None for _ in process.stdout or ()], daemon=True).start()
        with Service(url, _key()) as service:
            yield service
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _announced(process: "subprocess.Popen[str]") -> str | None:
    for line in process.stdout or ():
        for word in line.split():
            if word.startswith("http://"):
                return word.rstrip(".,/")
    return None


@contextlib.contextmanager
def service_or_temporary(service: "Service | Local | None") -> Iterator[Service]:
    """The given service, else the one that :func:`connect` finds, else one that is started."""
    found = connect() if service is None else service
    if isinstance(found, Local):
        with found.serving() as started:
            yield started
    else:
        yield found


__all__ = ["connect", "serve", "service_or_temporary"]
