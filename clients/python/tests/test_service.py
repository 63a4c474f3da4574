"""Scores, maps, the leaderboard and activations of a real service, and of the command line beside it."""
from __future__ import annotations

import numpy as np
import pytest

import ventral
from conftest import V1
from cutting_proxy import CuttingProxy


@pytest.fixture(scope="module")
def score(service):
    return service.score("gabor-v1", V1, layers={"V1": "v1"})


def test_a_score_is_that_of_the_command_line(score, home):
    local = ventral.Local(home).score("gabor-v1", V1, layers={"V1": "v1"})
    assert (local.value, local.raw, local.ceiling, local.error, local.ci) == (
        score.value,
        score.raw,
        score.ceiling,
        score.error,
        score.ci,
    )
    assert score.ci[0] < score.value < score.ci[1]
    assert not score.features
    assert score.name == "gabor-v1"


def test_a_score_as_brain_score_has_it(score):
    array = score.to_xarray()
    assert array.dims == () and float(array) == score.value
    assert array.attrs["error"] == score.error
    assert float(array.attrs["ceiling"]) == score.ceiling
    assert float(array.attrs["raw"]) == score.raw
    assert len(array.attrs["raw"].attrs["raw"]) == len(score.data["raw"]["splits"])


def test_several_benchmarks_are_one_job(service):
    scores = service.score("gabor-v1", [V1, "Simulatedpublic.V2-pls"], layers="v1")
    assert [each.benchmark for each in scores] == [V1, "Simulatedpublic.V2-pls"]
    assert scores[0].job == scores[1].job


def test_a_layer_map_is_a_dataset(service):
    found = service.layer_map("gabor-v1", benchmarks=[V1])
    assert set(found.value.dims) == {"layer", "benchmark"}
    chosen = str(found.chosen.sel(benchmark=V1).item())
    best = found.value.sel(benchmark=V1).idxmax("layer").item()
    assert found.value.sel(layer=chosen, benchmark=V1).item() <= found.value.sel(layer=best, benchmark=V1).item()
    assert found.attrs["map"]["chosen"][V1]["layer"] == chosen


def test_the_leaderboard_is_a_table(service, score):
    table = service.leaderboard(benchmark=[V1], layers="any", simulated=True, set="public")
    row = table.set_index("model").loc["gabor-v1"]
    assert row[V1] == score.value and not row["features"]


def test_activations_and_inputs(service):
    found = service.activations("untrained-cnn", ["avgpool"], V1)
    inputs = list(service.inputs(V1, model="untrained-cnn", count=200))
    ids = np.concatenate([each.stimulus_id for each in inputs])
    assert list(found.stimulus_id) == list(ids)
    assert found["avgpool"].shape[0] == inputs[0].total == len(ids)
    assert found.to_xarray().sizes["presentation"] == len(ids)


def test_a_package(service, tmp_path):
    try:
        path = service.package("objects-resnet", tmp_path / "package.zip")
    except ventral.errors.PackageInvalidError as problem:
        assert problem.detail
    else:
        assert path.read_bytes()[:2] == b"PK"


def test_problems_are_typed(service):
    with pytest.raises(ventral.errors.BenchmarkUnknownError) as told:
        service.score("gabor-v1", "Simulated.V9-pls")
    assert told.value.errors[0]["pointer"] == "/benchmarks/0"
    with pytest.raises(ventral.errors.NotFoundError):
        service.score("no-such-model", V1)
    with pytest.raises(ventral.JobFailed) as failed:
        service.score("gabor-v1", V1, layers={"V1": "no-such-layer"})
    assert isinstance(failed.value.problems[0], ventral.errors.LayerUnknownError)


def test_nobody_there():
    with pytest.raises(ventral.ConnectionLost):
        ventral.Service("http://127.0.0.1:9").api.call("getHealth", patience=0.1)


def test_connect_finds_the_service_of_the_home(service):
    assert ventral.connect().url == service.url


def test_events_go_on_after_a_lost_connection(service):
    proxy = CuttingProxy(service.url, b"/events", 2, down=500)
    try:
        job = ventral.Service(proxy.url).submit("score", "pixels", benchmarks=[V1], layers={"V1": "pixels"})
        ids = [int(event.id) for event in job.events()]
        assert ids == list(range(1, len(ids) + 1))
        assert proxy.cuts == 2
    finally:
        proxy.close()
    assert job.refresh().state in ("succeeded", "failed")


def test_ctrl_c_cancels(service, monkeypatch):
    # The second waits behind the first, so that it is there to be cancelled.
    first = service.submit("layer-map", "untrained-cnn", benchmarks=[V1])
    second = service.submit("layer-map", "resnet-20", benchmarks=[V1])

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(second, "events", interrupted)
    with pytest.raises(KeyboardInterrupt):
        second.wait()
    assert second.refresh().state == "cancelled"
    first.cancel()
    assert first.state in ("cancelled", "succeeded")
