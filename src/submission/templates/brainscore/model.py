"""Brain-Score's view of the network: its layers, its map from regions to layers, its visual degrees."""
import json
from pathlib import Path

from brainscore_vision.model_helpers.activations.core import ActivationsExtractorHelper
from brainscore_vision.model_helpers.brain_transformation import ModelCommitment

from .network import Network, preprocess

IDENTIFIER = VENTRAL.identifier
LAYERS = VENTRAL.layers
BEHAVIORAL_READOUT_LAYER = VENTRAL.readout
VISUAL_DEGREES = VENTRAL.visual_degrees
LICENSE = VENTRAL.license
BIBTEX = VENTRAL.bibtex


class OnnxModel:
    """An activations model, as Brain-Score's own wrappers are."""

    def __init__(self):
        self._network = Network()
        self._extractor = ActivationsExtractorHelper(
            identifier=IDENTIFIER, get_activations=self.get_activations, preprocessing=preprocess)
        self._extractor.insert_attrs(self)

    @property
    def identifier(self):
        return self._extractor.identifier

    @identifier.setter
    def identifier(self, value):
        self._extractor.identifier = value

    def __call__(self, *args, **kwargs):
        return self._extractor(*args, **kwargs)

    def set_visual_degrees(self, visual_degrees):
        self._extractor.set_visual_degrees(visual_degrees)

    def get_activations(self, images, layer_names):
        return self._network.activations(images, layer_names)


def region_layer_map():
    """The layers that stand for V1, V2, V4 and IT; None lets Brain-Score choose them."""
    path = Path(__file__).resolve().parent / 'region_layer_map' / f'{IDENTIFIER}.json'
    return json.loads(path.read_text(encoding='utf-8')) if path.is_file() else None


def get_model():
    return ModelCommitment(
        identifier=IDENTIFIER,
        activations_model=OnnxModel(),
        layers=LAYERS,
        behavioral_readout_layer=BEHAVIORAL_READOUT_LAYER,
        region_layer_map=region_layer_map(),
        visual_degrees=VISUAL_DEGREES)
