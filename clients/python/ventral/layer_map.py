"""Layer maps as a dataset."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping

import numpy as np

if TYPE_CHECKING:
    import xarray


def dataset_of(found: Mapping[str, Any]) -> "xarray.Dataset":
    """``value``, ``raw``, ``ceiling``, ``error`` and ``ci`` by layer and benchmark, NaN where a cell has no score (``reason``
    says why); ``chosen`` is the chosen layer of each benchmark, ``units`` and ``depth`` are coordinates of layers.
    ``attrs["map"]`` is the whole map (``LayerMap`` of openapi.yaml)."""
    import xarray

    benchmarks, rows = list(found["benchmarks"]), found["layers"]
    shape = (len(rows), len(benchmarks))
    numbers = {name: np.full(shape, np.nan) for name in ("value", "raw", "ceiling", "error")}
    ci = np.full((*shape, 2), np.nan)
    reason = np.full(shape, "", dtype=object)
    for i, row in enumerate(rows):
        for k, benchmark in enumerate(benchmarks):
            cell = row["cells"].get(benchmark, {"reason": "not computed"})
            if "reason" in cell:
                reason[i, k] = cell["reason"]
                continue
            ceiling = cell["ceiling"] or {"value": None}
            found_numbers = {
                "value": cell["value"],
                "raw": cell["raw"]["value"],
                "ceiling": ceiling["value"],
                "error": cell["error"],
            }
            for name, value in found_numbers.items():
                numbers[name][i, k] = np.nan if value is None else value
            ci[i, k] = (np.nan, np.nan) if cell["ci"] is None else cell["ci"]
    places = ("layer", "benchmark")
    chosen = [found["chosen"].get(name, {}).get("layer", "") for name in benchmarks]
    return xarray.Dataset(
        {
            **{name: (places, values) for name, values in numbers.items()},
            "ci": ((*places, "bound"), ci),
            "reason": (places, reason.astype(str)),
            "chosen": ("benchmark", chosen),
        },
        coords={
            "layer": [row["layer"] for row in rows],
            "benchmark": benchmarks,
            "bound": ["low", "high"],
            "units": ("layer", [np.nan if row["units"] is None else row["units"] for row in rows]),
            "depth": ("layer", [np.nan if row["depth"] is None else row["depth"] for row in rows]),
        },
        attrs={"model": found["name"], "map": dict(found)},
    )
