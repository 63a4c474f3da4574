"""A running service."""
from __future__ import annotations

import hashlib
import io
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, Mapping, NamedTuple, Sequence, Union, overload

import numpy as np
import requests

from . import types
from ._problem import ConnectionLost
from ._progress import Bar
from ._transport import Api, Form, new_key
from .errors import ConflictError
from .jobs import Job, JobFailed
from .layer_map import dataset_of
from .scores import Score

if TYPE_CHECKING:
    import pandas
    import xarray

#: A name, id or digest; the path of an ONNX file; or what ``register`` and ``upload_features`` return.
Model = Union[str, "os.PathLike[str]", Mapping[str, Any]]
PIECE = 8 * 2**20


class Inputs(NamedTuple):
    """A range of the stimuli of a benchmark as a network gets them."""

    stimulus_id: np.ndarray
    #: float32, stimuli first, in the layout of the card.
    inputs: np.ndarray
    total: int
    #: What a file of features says of its making.
    provenance: str


class Activations(dict[str, np.ndarray]):
    """Stimuli × units of each layer."""

    stimulus_id: np.ndarray

    def to_xarray(self) -> "xarray.Dataset":
        import xarray

        arrays = {name: (("presentation", f"unit of {name}"), values) for name, values in self.items()}
        return xarray.Dataset(arrays, coords={"stimulus_id": ("presentation", self.stimulus_id)})

    @classmethod
    def of(cls, file: Any) -> "Activations":
        with np.load(file, allow_pickle=False) as npz:
            found = cls({n.removeprefix("features/"): npz[n] for n in npz.files if n.startswith("features/")})
            found.stimulus_id = npz["stimulus_id"]
        return found


class Service:
    """A service by its address. ``api`` has every operation of openapi.yaml under its ``operationId``."""

    def __init__(self, url: str, key: str | None = None):
        self.api = Api(url, key)

    @property
    def url(self) -> str:
        return self.api.url

    @overload
    def score(self, model: Model, benchmark: str, **more: Any) -> Score: ...
    @overload
    def score(self, model: Model, benchmark: Sequence[str], **more: Any) -> list[Score]: ...

    def score(
        self,
        model: Model,
        benchmark: str | Sequence[str],
        *,
        layers: Mapping[str, str] | str | None = None,
        card: Mapping[str, Any] | str | None = None,
        input: Mapping[str, int] | None = None,
        detail: bool = False,
        provider: str | None = None,
        progress: bool | None = None,
    ) -> Score | list[Score]:
        """Scores a model on a benchmark, or on several, in one job.

        :param model: a name, id or digest, features, or the path of an ONNX file, which is registered (with ``card``)
        :param layers: a layer for each region (``{"V1": "layer2"}``); one name for the regions of all benchmarks
        :param provider: what is to run the network, such as ``"cuda"``; the job waits for a worker that has it
        :raises JobFailed: where a benchmark has no score
        """
        one = isinstance(benchmark, str)
        names = [benchmark] if isinstance(benchmark, str) else list(benchmark)
        asked = {"benchmarks": names, "layers": self._layers(layers, names), "input": input}
        more = {"detail": detail or None, "provider": provider}
        job = self.submit("score", model, card=card, **more, **asked)
        scores = scores_of(job.wait(progress), asked["layers"])
        return scores[0] if one and len(scores) == 1 else scores

    def _layers(
        self, layers: Mapping[str, str] | str | None, benchmarks: Sequence[str]
    ) -> dict[str, str] | None:
        if not isinstance(layers, str):
            return None if layers is None else dict(layers)
        regions = {
            each["region"] or "behavior"
            for name in benchmarks
            for each in self.api.call("getBenchmark", benchmark=name)["benchmarks"]
        }
        return {region: layers for region in sorted(regions)}

    def submit(
        self,
        kind: str,
        model: Model,
        *,
        card: Mapping[str, Any] | str | None = None,
        **asked: Any,
    ) -> Job:
        """Asks for a job (``score`` or ``layer-map``) and does not wait for it."""
        operation = {"score": "requestScore", "layer-map": "requestLayerMap"}[kind]
        body = {"model": self._model(model, card)}
        body.update({name: value for name, value in asked.items() if value is not None})
        return Job(self.api, kind, self.api.call(operation, body=body, idempotency_key=new_key()))

    def _model(self, model: Model, card: Mapping[str, Any] | str | None) -> str:
        if isinstance(model, Mapping):
            return str(model["id"])
        if isinstance(model, os.PathLike) or str(model).endswith(".onnx"):
            return self.register(model, card=card)["id"]
        return str(model)

    def register(
        self,
        path: "str | os.PathLike[str]",
        *,
        card: "Mapping[str, Any] | str | None" = None,
        name: str | None = None,
        visibility: str | None = None,
        group: str | None = None,
    ) -> types.Model:
        """Registers an ONNX file.

        :param card: as a mapping, or the path of a YAML file; without it the card inside the file
        """
        text = Path(card).read_text() if isinstance(card, str) else card and json.dumps(card)
        given = {"card": text, "name": name, "visibility": visibility, "group": group}
        fields = [(key, value) for key, value in given.items() if value is not None]
        file = Path(path)
        form = Form(fields, [("file", file.name, file)])
        return self.api.call("registerModel", form=form, idempotency_key=new_key())

    def layer_map(
        self,
        model: Model,
        regions: Sequence[str] | None = None,
        benchmarks: Sequence[str] | None = None,
        *,
        card: Mapping[str, Any] | str | None = None,
        progress: bool | None = None,
        **more: Any,
    ) -> "xarray.Dataset":
        """Every layer against every benchmark: ``value``, ``raw``, ``ceiling``, ``error`` and ``ci`` by layer and benchmark.

        :param more: ``layers``, ``input``, ``holdout``, ``pool``, ``pca`` as in openapi.yaml
        """
        asked = {"regions": regions and list(regions), "benchmarks": benchmarks and list(benchmarks), **more}
        job = self.submit("layer-map", model, card=card, **asked).wait(progress)
        if job.data.get("result") is None:
            raise JobFailed(job.data)
        return dataset_of(job.data["result"])

    def leaderboard(self, **query: Any) -> "pandas.DataFrame":
        """The leaderboard, one row a model, one column a value: ``rank``, ``name``, … and each average and benchmark.

        :param query: as ``getLeaderboard`` takes it, such as ``benchmark=["…"]``, ``layers="any"``
        """
        import pandas

        rows = []
        for item in self.api.pages("getLeaderboard", limit=200, **query):
            plain = {
                name: item[name]
                for name in ("rank", "model", "name", "owner", "visibility", "weights", "features")
            }
            averages = {name: each["value"] for name, each in item["averages"].items()}
            scores = {name: each["value"] for name, each in item["scores"].items()}
            rows.append({**plain, **averages, **scores})
        return pandas.DataFrame(rows)

    def activations(
        self,
        model: Model,
        layers: Sequence[str],
        benchmark: str | None = None,
        *,
        stimuli: str | None = None,
        degrees: float | None = None,
        card: Mapping[str, Any] | str | None = None,
    ) -> Activations:
        """What layers give for the stimuli of a benchmark, or of a set of the catalog shown at ``degrees``."""
        given = {"benchmark": benchmark, "stimuli": stimuli, "degrees": degrees}
        body = {"model": self._model(model, card), "layers": list(layers)}
        body.update({name: value for name, value in given.items() if value is not None})
        npz = self.api.call("computeActivations", body=body, accept="application/x-npz")
        return Activations.of(io.BytesIO(npz))

    def package(
        self,
        model: Model,
        path: "str | os.PathLike[str]",
        *,
        format: str = "brainscore",
        identifier: str | None = None,
        card: Mapping[str, Any] | str | None = None,
    ) -> Path:
        """Writes a submission to a competition as a ZIP."""
        body = {"model": self._model(model, card), "format": format}
        if identifier is not None:
            body["identifier"] = identifier
        content = self.api.call("buildPackage", body=body)
        Path(path).write_bytes(content)
        return Path(path)

    def inputs(
        self,
        benchmark: str,
        *,
        model: str | None = None,
        card: Mapping[str, Any] | None = None,
        count: int = 100,
    ) -> Iterator[Inputs]:
        """The stimuli of a benchmark as a network with the card gets them, a range at a time."""
        at = 0
        body: dict[str, Any] = {"model": model} if card is None else {"card": dict(card)}
        while True:
            asked = {**body, "from": at, "count": count}
            content = self.api.call("computeInputs", benchmark=benchmark, body=asked)
            with np.load(io.BytesIO(content), allow_pickle=False) as npz:
                made = Inputs(
                    npz["stimulus_id"], npz["inputs"], int(npz["total"]), str(npz["ventral_provenance"])
                )
            yield made
            at += len(made.stimulus_id)
            if at >= made.total:
                return

    def upload_features(
        self,
        path: "str | os.PathLike[str]",
        *,
        name: str | None = None,
        visibility: str | None = None,
        group: str | None = None,
        progress: bool | None = None,
    ) -> types.Features:
        """Sends a file of features (``.npz``, ``.nc`` or ``.csv``) in pieces, resumed where a connection is lost. What the
        service has from the caller already is not sent again."""
        file = Path(path)
        size, digest = file.stat().st_size, _digest(file)
        given = {"name": name, "visibility": visibility, "group": group}
        change = {key: value for key, value in given.items() if value is not None}
        known = self._own_features(digest)
        if known is not None:
            return self.api.call("changeFeatures", features=known["id"], body=change) if change else known
        upload = self.api.call("beginUpload", body={"size": size, "digest": digest})
        with file.open("rb") as source, Bar(f"sending {name or file.name}", progress) as bar:
            self._send(upload["id"], source, size, bar)
        body = {"name": file.stem, **change, "upload": upload["id"], "format": file.suffix[1:].lower()}
        return self.api.call("registerFeatures", body=body, idempotency_key=new_key())

    def _own_features(self, digest: str) -> types.Features | None:
        found = list(self.api.pages("listFeatures", digest=digest))
        owner = self.api.call("getSession")["owner"] if found else None
        return next((each for each in found if each["owner"] == owner), None)

    def _send(self, upload: str, source: Any, size: int, bar: Bar) -> None:
        offset, lost = 0, 0
        while offset < size:
            source.seek(offset)
            piece = source.read(PIECE)
            try:
                state = self.api.call("continueUpload", upload=upload, offset=offset, data=piece)
                offset, lost = state["offset"], 0
            except (ConnectionLost, ConflictError, requests.RequestException):
                # What came of a broken piece is there: the service says how much.
                lost += 1
                if lost > 5:
                    raise
                time.sleep(0.2 * lost)
                offset = self.api.call("getUpload", upload=upload)["offset"]
            bar.at(offset / size)

    def close(self) -> None:
        self.api.close()

    def __enter__(self) -> "Service":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<ventral.Service {self.url}>"


def scores_of(job: Job, layers: Mapping[str, str] | None) -> list[Score]:
    """The scores of an ended job; raises where one is missing."""
    data = job.data
    if data["state"] != "succeeded" or data["failures"]:
        raise JobFailed(data)
    named = layers if data.get("features") else None
    return [
        Score(each, job.id, named.get(each["region"] or "behavior") if named else None)
        for each in data["results"]
    ]


def _digest(path: Path) -> str:
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(2**20):
            hashed.update(chunk)
    return f"sha256:{hashed.hexdigest()}"
