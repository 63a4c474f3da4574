"""A score as the service and the command line give it."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping

if TYPE_CHECKING:
    import xarray


class Score:
    """One model on one benchmark. ``data`` is the whole object (``Score`` of openapi.yaml)."""

    def __init__(self, data: Mapping[str, Any], job: str | None = None, layer: str | None = None):
        self.data = dict(data)
        #: The job that made it; None where the command line did.
        self.job = job
        #: The layer that was scored; of features the one of the file.
        self.layer: str = layer or str(data["layer"])

    @property
    def benchmark(self) -> str:
        return str(self.data["benchmark"])

    @property
    def name(self) -> str | None:
        return self.data["name"]

    @property
    def value(self) -> float | None:
        """Normalised by the ceiling as ``data["formula"]`` says; not clipped."""
        return self.data["value"]

    @property
    def raw(self) -> float | None:
        return self.data["raw"]["value"]

    @property
    def ceiling(self) -> float | None:
        ceiling = self.data["ceiling"]
        return None if ceiling is None else ceiling["value"]

    @property
    def error(self) -> float | None:
        """Of what ``data["errorOf"]`` names: mostly of ``raw``."""
        return self.data["error"]

    @property
    def ci(self) -> tuple[float, float] | None:
        """95 %, of ``value``."""
        ci = self.data["ci"]
        return None if ci is None else (ci[0], ci[1])

    @property
    def features(self) -> bool:
        """Whether it is of features that were computed elsewhere."""
        return self.data["model"] is None

    def to_xarray(self) -> "xarray.DataArray":
        """As Brain-Score's ``Score``: the value without dimensions, ``error``, ``raw`` and ``ceiling`` among its attributes,
        the last two with their own errors, and ``raw.attrs["raw"]`` its splits."""
        import xarray

        def part(of: Mapping[str, Any] | None) -> Any:
            if of is None:
                return None
            array = xarray.DataArray(_number(of["value"]))
            array.attrs["error"] = of["error"]
            splits = [_number(each) for each in of["splits"]]
            array.attrs["raw"] = xarray.DataArray(splits, dims=("split",))
            return array

        score = xarray.DataArray(_number(self.value))
        score.attrs.update(
            error=self.error,
            raw=part(self.data["raw"]),
            ceiling=part(self.data["ceiling"]),
            ci=self.ci,
            model_identifier=self.name,
            benchmark_identifier=self.benchmark,
            layer=self.layer,
        )
        return score

    def __float__(self) -> float:
        return _number(self.value)

    def __repr__(self) -> str:
        spread = "" if self.ci is None else f" [{self.ci[0]:.3f}, {self.ci[1]:.3f}]"
        value = "no value" if self.value is None else f"{self.value:.3f}"
        return f"<ventral.Score {self.benchmark} {value}{spread}>"


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
