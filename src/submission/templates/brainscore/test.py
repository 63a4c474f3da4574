import numpy as np
import pytest
from PIL import Image

from brainscore_vision import load_model
from .model import IDENTIFIER, LAYERS, VISUAL_DEGREES
from .network import OUTPUTS, Network, preprocess


@pytest.fixture
def pictures(tmp_path):
    random = np.random.RandomState(0)
    paths = []
    for number in range(2):
        path = tmp_path / f'{number}.png'
        Image.fromarray(random.randint(0, 256, (256, 256, 3)).astype(np.uint8)).save(path)
        paths.append(str(path))
    return paths


def test_every_layer_answers(pictures):
    activations = Network().activations(preprocess(pictures), list(OUTPUTS))
    assert set(LAYERS) <= set(activations)
    for layer, values in activations.items():
        assert len(values) == len(pictures), layer
        assert np.isfinite(values).all(), layer


def test_commitment():
    model = load_model(IDENTIFIER)
    assert model.identifier == IDENTIFIER
    assert model.visual_degrees() == VISUAL_DEGREES
