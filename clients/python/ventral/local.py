"""The command line, where no service runs."""
from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, Mapping, Sequence

from ._problem import VentralError
from .layer_map import dataset_of
from .scores import Score
from .service import Activations

if TYPE_CHECKING:
    import pandas
    import xarray


class CommandFailed(VentralError):
    """``ventral`` ended with another status than 0; the message is its own."""

    def __init__(self, status: int, message: str):
        self.status = status
        super().__init__(message or f"ventral ended with status {status}")


def command() -> list[str]:
    """``VENTRAL_COMMAND`` (as a shell would split it), else ``ventral`` on the path."""
    given = os.environ.get("VENTRAL_COMMAND")
    if given:
        return shlex.split(given)
    found = shutil.which("ventral")
    if found is None:
        raise VentralError(
            "no service runs and no command `ventral` is on the path: give connect(url=…), or set VENTRAL_COMMAND"
        )
    return [found]


class Local:
    """Scores by the command line of this machine, with the methods of :class:`ventral.Service`."""

    def __init__(self, home: "str | os.PathLike[str] | None" = None):
        self._command = command()
        self._home = home

    def _run(self, *arguments: str) -> str:
        home = [] if self._home is None else ["--home", os.fspath(self._home)]
        # A terminal sees the progress of the command itself; Ctrl-C reaches it too.
        process = subprocess.run(
            [*self._command, *home, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        if process.returncode != 0:
            raise CommandFailed(process.returncode, process.stderr.strip())
        return process.stdout

    def score(
        self,
        model: "str | os.PathLike[str]",
        benchmark: str | Sequence[str],
        *,
        layers: Mapping[str, str] | None = None,
        card: str | None = None,
        input: Mapping[str, int] | None = None,
        detail: bool = False,
        provider: str | None = None,
        progress: bool | None = None,
    ) -> Any:
        """As :meth:`ventral.Service.score`; ``model`` may also be a file of features (``.npz``, ``.nc``, ``.csv``)."""
        names = [benchmark] if isinstance(benchmark, str) else list(benchmark)
        path = os.fspath(model)
        is_features = Path(path).suffix.lower() in (".npz", ".nc", ".csv")
        arguments = ["score", *(["--features"] if is_features else []), path, "--json"]
        arguments += [part for name in names for part in ("--benchmark", name)]
        if isinstance(layers, str):
            arguments += ["--layer", layers]
        elif layers:
            arguments += [part for each in layers.items() for part in ("--layer", "=".join(each))]
        arguments += _options(card=card, input=_size(input), detail=detail, provider=provider)
        scores = [Score(each) for each in json.loads(self._run(*arguments))]
        return scores[0] if isinstance(benchmark, str) and len(scores) == 1 else scores

    def layer_map(
        self,
        model: "str | os.PathLike[str]",
        regions: Sequence[str] | None = None,
        benchmarks: Sequence[str] | None = None,
        *,
        card: str | None = None,
        layers: Sequence[str] | None = None,
        holdout: bool = False,
        input: Mapping[str, int] | None = None,
        progress: bool | None = None,
    ) -> "xarray.Dataset":
        """As :meth:`ventral.Service.layer_map`."""
        arguments = ["map", os.fspath(model), "--json"]
        arguments += ["--region", ",".join(regions)] if regions else []
        arguments += ["--benchmark", ",".join(benchmarks)] if benchmarks else []
        arguments += ["--layers", ",".join(layers)] if layers else []
        arguments += _options(card=card, input=_size(input), holdout=holdout)
        return dataset_of(json.loads(self._run(*arguments)))

    def activations(
        self,
        model: "str | os.PathLike[str]",
        layers: Sequence[str],
        benchmark: str | None = None,
        *,
        stimuli: str | None = None,
        degrees: float | None = None,
        card: str | None = None,
    ) -> Activations:
        """As :meth:`ventral.Service.activations`."""
        with tempfile.TemporaryDirectory() as folder:
            output = os.path.join(folder, "activations.npz")
            arguments = ["activations", os.fspath(model), "--layers", ",".join(layers), "-o", output]
            arguments += _options(benchmark=benchmark, stimuli=stimuli, degrees=degrees, card=card)
            self._run(*arguments)
            return Activations.of(output)

    def package(
        self,
        model: "str | os.PathLike[str]",
        path: "str | os.PathLike[str]",
        *,
        format: str = "brainscore",
        identifier: str | None = None,
        card: str | None = None,
    ) -> Path:
        """As :meth:`ventral.Service.package`."""
        arguments = ["package", os.fspath(model), "--format", format, "-o", os.fspath(path)]
        self._run(*arguments, *_options(identifier=identifier, card=card))
        return Path(path)

    def leaderboard(self, **query: Any) -> "pandas.DataFrame":
        """That of a service which is started on the home for as long as this takes."""
        with self.serving() as service:
            return service.leaderboard(**query)

    @contextlib.contextmanager
    def serving(self) -> Iterator[Any]:
        """A service on the home, for the time of a ``with``."""
        from .connect import serve

        with serve(self._home) as service:
            yield service

    def __repr__(self) -> str:
        return f"<ventral.Local {' '.join(self._command)}>"


def _size(given: Mapping[str, int] | None) -> str | None:
    return None if given is None else ",".join(f"{name}={value}" for name, value in given.items())


def _options(**given: Any) -> list[str]:
    options: list[str] = []
    for name, value in given.items():
        if value is True:
            options.append(f"--{name}")
        elif value is not None and value is not False:
            options += [f"--{name}", str(value)]
    return options
