"""Features of any network: what its layers give for the stimuli of a benchmark as the network sees them."""
from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Iterator, Mapping, Sequence, Union

import numpy as np

from ._progress import Bar
from .scores import Score

if TYPE_CHECKING:
    from .service import Inputs, Service

#: Takes a batch (float32, stimuli first) and gives each layer's values, stimuli first.
ModelFn = Callable[[np.ndarray], Mapping[str, Any]]
Card = Union[str, Mapping[str, Any]]


def imagenet_card(size: int = 224, visual_degrees: float = 8) -> dict[str, Any]:
    """The usual preprocessing of torchvision's networks: squares of ``size`` pixels, mean and deviation of ImageNet."""
    return {
        "input": {
            "resize": {"to": size, "mode": "square", "filter": "bilinear", "library": "pillow"},
            "crop": size,
            "range": 1,
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
            "layout": "NCHW",
        },
        "visual_degrees": visual_degrees,
    }


def features(
    model: "ModelFn | Any",
    layers: Sequence[str],
    benchmark: str | Sequence[str],
    *,
    card: Card,
    service: "Service | None" = None,
    batch: int = 32,
    device: Any = None,
    name: str | None = None,
    visibility: str | None = None,
    path: "str | os.PathLike[str] | None" = None,
    progress: bool | None = None,
) -> dict[str, list[Score]]:
    """Scores layers of a network that runs here, in whatever framework.

    The service places and preprocesses the stimuli as the card says, so that nothing can differ; the layers' values are sent
    back and scored. Scores say that they are of features.

    :param model: a torch module, whose layers are hooked; or a function from a batch to the values of each layer
    :param layers: module paths (``layer3.0``; of a module that is called several times the last call, ``conv2#1`` the first),
        or the names that the function gives
    :param benchmark: one, or several that show the same stimuli
    :param card: a model card as a mapping, or the id or name of a model of the service that has one
    :param service: by default that of :func:`ventral.connect`
    :param device: where a torch module is; by default where its first parameter is
    :param path: also keeps the file of features there (``.npz``), for ``ventral score --features``
    :return: by layer the scores, in the order of the benchmarks
    """
    from .connect import service_or_temporary

    names = [benchmark] if isinstance(benchmark, str) else list(benchmark)
    with service_or_temporary(service) as at, tempfile.TemporaryDirectory() as folder:
        file = Path(path) if path is not None else Path(folder) / f"{name or _name_of(model)}.npz"
        collect(model, layers, names[0], file, at, card=card, batch=batch, device=device, progress=progress)
        sent = at.upload_features(file, name=name or _name_of(model), visibility=visibility, progress=progress)
        scores = {}
        for layer in layers:
            chosen = None if len(layers) == 1 else layer
            made = at.score(sent, names, layers=chosen, progress=progress)
            for score in made:
                score.layer = layer
            scores[layer] = made
        return scores


def collect(
    model: "ModelFn | Any",
    layers: Sequence[str],
    benchmark: str,
    path: Path,
    service: "Service",
    *,
    card: Card,
    batch: int = 32,
    device: Any = None,
    progress: bool | None = None,
) -> None:
    """Writes the file of features of :func:`features` and sends nothing. Memory holds a range of stimuli and a batch; the
    values go to files beside ``path`` first."""
    asked = {"model": card} if isinstance(card, str) else {"card": card}
    with running(model, layers, device) as run, tempfile.TemporaryDirectory(dir=path.parent) as folder:
        table = _Table(Path(folder), layers)
        with Bar("features", progress) as bar:
            for given in service.inputs(benchmark, **asked):
                for values in _batches(run, given, batch):
                    table.add(values, given.total)
                table.ids.append(given.stimulus_id)
                bar.at(table.rows / given.total)
        table.write(path, given.provenance)


def _batches(run: ModelFn, given: "Inputs", batch: int) -> Iterator[Mapping[str, np.ndarray]]:
    for first in range(0, len(given.inputs), batch):
        inputs = given.inputs[first : first + batch]
        yield {name: _rows(name, values, len(inputs)) for name, values in run(inputs).items()}


def _rows(name: str, values: Any, count: int) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim < 1 or array.shape[0] != count:
        raise ValueError(f"{name}: expected {count} stimuli first, found an array of {array.shape}")
    if array.dtype != np.float64:
        array = array.astype(np.float32)
    return array.reshape(count, -1)


class _Table:
    """Values of layers on their way to an npz, one file a layer."""

    def __init__(self, folder: Path, layers: Sequence[str]):
        self._folder = folder
        self._layers = list(layers)
        self._maps: dict[str, np.memmap] = {}
        self.ids: list[np.ndarray] = []
        self.rows = 0

    def add(self, values: Mapping[str, np.ndarray], total: int) -> None:
        missing = [name for name in self._layers if name not in values]
        if missing:
            raise KeyError(f"the model gives no {', '.join(missing)}; it gives {', '.join(values)}")
        count = 0
        for index, name in enumerate(self._layers):
            block = values[name]
            if name not in self._maps:
                self._maps[name] = np.lib.format.open_memmap(
                    self._folder / f"{index}.npy", "w+", block.dtype, (total, block.shape[1])
                )
            count = len(block)
            self._maps[name][self.rows : self.rows + count] = block
        self.rows += count

    def write(self, path: Path, provenance: str) -> None:
        partial = path.with_name(f".{path.name}.partial")
        try:
            with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
                _add(archive, "stimulus_id", np.concatenate(self.ids))
                _add(archive, "ventral_provenance", np.array(provenance))
                for index, name in enumerate(self._layers):
                    self._maps[name].flush()
                    archive.write(self._folder / f"{index}.npy", f"features/{name}.npy")
            partial.replace(path)
        finally:
            self._maps.clear()
            partial.unlink(missing_ok=True)


def _add(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    with archive.open(f"{name}.npy", "w") as file:
        np.lib.format.write_array(file, array, allow_pickle=False)


class running:
    """A network as a function of batches, for the time of a ``with``; a torch module is hooked and put into evaluation."""

    def __init__(self, model: Any, layers: Sequence[str], device: Any = None):
        self._model, self._layers, self._device = model, list(layers), device
        self._hooks: list[Any] = []
        self._calls: dict[str, list[Any]] = {}
        self._training: dict[Any, bool] = {}

    def __enter__(self) -> ModelFn:
        if not _is_module(self._model):
            return self._model
        modules = dict(self._model.named_modules())
        for name in {layer.rpartition("#")[0] or layer if _call(layer) else layer for layer in self._layers}:
            if name not in modules:
                raise KeyError(f"the module has no {name!r}; see named_modules()")
            self._hooks.append(modules[name].register_forward_hook(self._hook(name)))
        self._training = {module: module.training for module in self._model.modules()}
        self._model.eval()
        return self._run

    def __exit__(self, *_: Any) -> None:
        for hook in self._hooks:
            hook.remove()
        for module, training in self._training.items():
            module.training = training

    def _hook(self, name: str) -> Callable[..., None]:
        def keep(_module: Any, _inputs: Any, output: Any) -> None:
            # Copied at once: what follows may work in place.
            self._calls.setdefault(name, []).append(_tensor(output, name).detach().clone())

        return keep

    def _run(self, batch: np.ndarray) -> Mapping[str, np.ndarray]:
        import torch

        device = self._device
        if device is None:
            first = next(self._model.parameters(), None)
            device = "cpu" if first is None else first.device
        self._calls.clear()
        with torch.no_grad():
            self._model(torch.from_numpy(np.ascontiguousarray(batch)).to(device))
        return {layer: self._value(layer) for layer in self._layers}

    def _value(self, layer: str) -> np.ndarray:
        import torch

        call = _call(layer)
        name = layer.rpartition("#")[0] if call else layer
        calls = self._calls.get(name, [])
        if len(calls) < max(call, 1):
            raise KeyError(f"{layer}: the module was called {len(calls)} times")
        value = calls[call - 1]
        kind = torch.float64 if value.dtype == torch.float64 else torch.float32
        return value.to("cpu", kind).numpy()


def _call(layer: str) -> int:
    """Which call of a module is meant: 0 for the last one (``calls[-1]``)."""
    _, mark, number = layer.rpartition("#")
    return int(number) if mark and number.isdigit() and int(number) > 0 else 0


def _tensor(output: Any, name: str) -> Any:
    """A module that gives several values means the first tensor among them."""
    if hasattr(output, "detach"):
        return output
    values = output.values() if isinstance(output, Mapping) else output
    for each in values if isinstance(values, (list, tuple)) or isinstance(output, Mapping) else ():
        if hasattr(each, "detach"):
            return each
    raise TypeError(f"{name}: expected a tensor, found {type(output).__name__}")


def _is_module(model: Any) -> bool:
    return callable(getattr(model, "register_forward_hook", None)) and hasattr(model, "named_modules")


def _name_of(model: Any) -> str:
    return str(getattr(model, "__name__", None) or type(model).__name__)
