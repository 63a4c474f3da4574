"""Jobs of a service: followed by their events, resumed after a lost connection, cancelled by Ctrl-C."""
from __future__ import annotations

import json
import time
from typing import Any, Iterator, NamedTuple

import requests

from ._problem import ConnectionLost, Problem, VentralError, problem_of
from ._progress import Bar
from ._transport import PATIENCE, Api
from .errors import ConflictError, NotReadyError

_OPERATIONS = {
    "score": ("getScore", "followScore", "cancelScore"),
    "layer-map": ("getLayerMap", "followLayerMap", "cancelLayerMap"),
    "training": ("getTraining", "followTraining", "cancelTraining"),
}


class Event(NamedTuple):
    """An event of a job: ``state``, ``progress``, ``result``, ``metric`` or ``end``."""

    id: str
    type: str
    data: Any


class JobFailed(VentralError):
    """A job ended without what was asked for; ``problems`` has why, an exception for each failure."""

    def __init__(self, job: dict[str, Any]):
        self.job = job
        self.problems: list[Problem] = [problem_of(f["problem"]) for f in job.get("failures", [])]
        lines = [
            f"{failure.get('benchmark', job['id'])}: {problem.detail}"
            for failure, problem in zip(job.get("failures", []), self.problems)
        ]
        super().__init__("\n".join(lines) or f"{job['id']} {job['state']}: {job.get('reason')}")


class Job:
    """A job of a service."""

    def __init__(self, api: Api, kind: str, found: dict[str, Any]):
        self._api = api
        self.kind = kind
        self.id: str = found["id"]
        #: The job as the service showed it last.
        self.data = found

    @property
    def state(self) -> str:
        return str(self.data["state"])

    def refresh(self) -> "Job":
        self.data = self._api.call(_OPERATIONS[self.kind][0], job=self.id)
        return self

    def events(self, last: str | None = None) -> Iterator[Event]:
        """The events as they come, after the id ``last`` or from the first; a lost connection is resumed."""
        deadline, wait = time.monotonic() + PATIENCE, 0.25
        while True:
            try:
                with self._api.send(
                    _OPERATIONS[self.kind][1], job=self.id, stream=True, last_event_id=last
                ) as stream:
                    if stream.status_code == 204:
                        return
                    for event in _read(stream):
                        deadline, wait, last = time.monotonic() + PATIENCE, 0.25, event.id
                        yield event
                        if event.type == "end":
                            return
            except (requests.RequestException, ConnectionLost, NotReadyError) as lost:
                if time.monotonic() > deadline:
                    raise ConnectionLost(f"{self.id}: {lost}") from lost
            time.sleep(wait)
            wait = min(2 * wait, 10.0)

    def wait(self, progress: bool | None = None) -> "Job":
        """Follows the job to its end; Ctrl-C cancels it."""
        try:
            with Bar(f"{self.kind} {self.data.get('modelName', '')}", progress) as bar:
                for event in self.events():
                    if event.type == "progress":
                        bar.at(event.data["share"], event.data["stage"])
        except KeyboardInterrupt:
            self.cancel()
            raise
        return self.refresh()

    def cancel(self) -> None:
        """Cancels the job; one that has ended stays as it is."""
        try:
            self.data = self._api.call(_OPERATIONS[self.kind][2], job=self.id, patience=10.0)
        except ConflictError:
            self.refresh()

    def __repr__(self) -> str:
        return f"<ventral.Job {self.id} {self.state}>"


def _read(stream: requests.Response) -> Iterator[Event]:
    left = b""
    # Chunks as they arrive: a whole event does not wait for the next one.
    for chunk in stream.iter_content(chunk_size=None):
        *blocks, left = (left + chunk).split(b"\n\n")
        for block in blocks:
            lines = [line for line in block.decode().split("\n") if not line.startswith(":")]
            fields = {name: value.removeprefix(" ") for name, _, value in (line.partition(":") for line in lines)}
            if "data" in fields:
                yield Event(fields.get("id", ""), fields.get("event", ""), json.loads(fields["data"]))
