"""Networks of PyTorch by their features: equal to their ONNX, and where there can be no ONNX."""
from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

import ventral
from conftest import V1
from cutting_proxy import CuttingProxy

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")
from torch import nn  # noqa: E402

SIDE = 64
CARD = ventral.imagenet_card(SIDE)
#: The runtime and torch sum the products of float32 in other orders.
TOLERANCE = 1e-6


def resnet():
    torch.manual_seed(1)
    return torchvision.models.resnet18(weights=None).eval()


def vit():
    torch.manual_seed(2)
    sizes = {"image_size": SIDE, "patch_size": 16, "num_layers": 2, "num_heads": 2}
    return torchvision.models.VisionTransformer(**sizes, hidden_dim=48, mlp_dim=96).eval()


@pytest.mark.parametrize(
    "make, layer", [(resnet, "layer2.1"), (vit, "encoder.layers.encoder_layer_1")], ids=["resnet-18", "vit"]
)
def test_hooked_modules_score_as_their_onnx(service, home, tmp_path, make, layer):
    network = make()
    onnx, card = tmp_path / "network.onnx", tmp_path / "card.json"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        example = torch.zeros(1, 3, SIDE, SIDE)
        names = {"input_names": ["input"], "dynamic_axes": {"input": {0: "batch"}}}
        torch.onnx.export(network, example, str(onnx), opset_version=17, dynamo=False, **names)
    card.write_text(json.dumps({"name": "network", **CARD}))
    kept = tmp_path / "kept.npz"
    (ours,) = ventral.features(network, [layer], V1, card=CARD, service=service, path=kept)[layer]
    local = ventral.Local(home)
    theirs = local.score(onnx, V1, layers={"V1": layer}, card=str(card))
    assert ours.value == pytest.approx(theirs.value, abs=TOLERANCE)
    assert ours.raw == pytest.approx(theirs.raw, abs=TOLERANCE)
    assert ours.ceiling == theirs.ceiling
    # The same file by the command line gives the same bits.
    file = local.score(kept, V1)
    assert (file.value, file.error, file.ci) == (ours.value, ours.error, ours.ci)
    assert ours.features and ours.layer == layer


class Motion(nn.Module):
    """Convolutions over time and space, and a pooling that ONNX has not."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(3, 8, 3, stride=(1, 4, 4), padding=1)
        self.pool = nn.AdaptiveAvgPool3d((3, 5, 5))

    def forward(self, clip):
        return self.pool(torch.relu(self.conv(clip)))


class Settling(nn.Module):
    """A recurrent network that goes on until the state of each batch has settled, in the Fourier domain."""

    def __init__(self):
        super().__init__()
        self.drive = nn.Conv2d(3, 6, 5, stride=8)
        self.state = nn.Identity()

    def forward(self, image):
        drive = self.drive(image)
        state = torch.zeros_like(drive)
        for _ in range(20):
            spectrum = torch.fft.rfft2(state)
            after = torch.tanh(drive + 0.5 * torch.fft.irfft2(spectrum / (1 + spectrum.abs()), s=drive.shape[-2:]))
            if float((after - state).abs().max()) < 1e-3:
                break
            state = self.state(after)
        return state


def test_a_network_over_time_that_onnx_lacks(service):
    torch.manual_seed(3)
    network = Motion()
    clips = {**CARD, "input": {**CARD["input"], "layout": "NCTHW", "frames": 4}}
    refused(network, torch.zeros(1, 3, 4, SIDE, SIDE))
    (score,) = ventral.features(network, ["pool"], V1, card=clips, service=service)["pool"]
    assert np.isfinite(score.value)
    # As it was before.
    assert network.training and not network.pool._forward_hooks


def test_a_recurrent_network_that_onnx_lacks(service):
    torch.manual_seed(4)
    network = Settling()
    refused(network, torch.zeros(1, 3, SIDE, SIDE))
    layers = ["state", "state#1"]
    scores = ventral.features(network, layers, V1, card=CARD, service=service, name="settling")
    last, first = (scores[layer][0] for layer in layers)
    assert last.layer == "state" and first.layer == "state#1"
    assert np.isfinite(last.value) and last.value != first.value
    table = service.leaderboard(benchmark=[V1], layers="any", simulated=True, set="public").set_index("name")
    assert bool(table.loc["settling", "features"])


def refused(network, example):
    with warnings.catch_warnings(), pytest.raises(Exception):
        warnings.simplefilter("ignore")
        torch.onnx.export(network, example, "/dev/null", opset_version=17, dynamo=False)


def test_any_function_is_a_network(service):
    def thirds(batch):
        return {"thirds": batch[:, :, ::3, ::3]}

    (score,) = ventral.features(thirds, ["thirds"], V1, card="untrained-cnn", service=service)["thirds"]
    assert np.isfinite(score.value)
    with pytest.raises(KeyError, match="gives no others"):
        ventral.features(thirds, ["others"], V1, card=CARD, service=service)
    with pytest.raises(ValueError, match="stimuli first"):
        ventral.features(lambda batch: {"x": batch[0]}, ["x"], V1, card=CARD, service=service)
    with pytest.raises(KeyError, match="no 'nowhere'"):
        ventral.features(resnet(), ["nowhere"], V1, card=CARD, service=service)


def test_a_broken_upload_goes_on(service, tmp_path, monkeypatch):
    monkeypatch.setattr("ventral.service.PIECE", 100_000)
    values = np.random.default_rng(5).normal(size=(40, 2000)).astype("float32")
    path = tmp_path / "values.npz"
    np.savez(path, stimulus_id=np.arange(40), **{"features/a": values, "features/b": values[:, :7]})
    proxy = CuttingProxy(service.url, b"PATCH", 2, up=30_000)
    try:
        sent = ventral.Service(proxy.url).upload_features(path, name="broken")
    finally:
        proxy.close()
    assert proxy.cuts == 2
    assert [(each["name"], each["units"]) for each in sent["layers"]] == [("a", 2000), ("b", 7)]
    assert service.api.getFeaturesContent(features=sent["id"]) == path.read_bytes()
    # What is there is not sent again.
    assert service.upload_features(path, name="again")["id"] == sent["id"]


def test_stimuli_that_are_shown_at_other_degrees_are_refused(service, tmp_path):
    def all_of(batch):
        return {"x": batch.reshape(len(batch), -1)[:, :400]}

    kept = tmp_path / "kept.npz"
    ventral.features(all_of, ["x"], V1, card=CARD, service=service, path=kept)
    with np.load(kept) as npz:
        told = json.loads(str(npz["ventral_provenance"]))
        told["degrees"] = [2 * each for each in told["degrees"]]
        np.savez(kept, **{**dict(npz), "ventral_provenance": np.array(json.dumps(told))})
    sent = service.upload_features(kept, name="doubled")
    with pytest.raises(ventral.JobFailed) as failed:
        service.score(sent, V1)
    assert isinstance(failed.value.problems[0], ventral.errors.DegreesMismatchError)
