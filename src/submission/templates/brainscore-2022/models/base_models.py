"""The network as an activations model. Brain-Score chooses the layers of the regions among `get_layers`."""
from model_tools.activations.core import ActivationsExtractorHelper
from model_tools.check_submission import check_models

from models.network import Network, preprocess

IDENTIFIER = VENTRAL.identifier
# The last one is what behaviour is read from.
LAYERS = VENTRAL.layers
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

    def get_activations(self, images, layer_names):
        return self._network.activations(images, layer_names)


def get_model_list():
    return [IDENTIFIER]


def get_model(name):
    assert name == IDENTIFIER
    return OnnxModel()


def get_layers(name):
    assert name == IDENTIFIER
    return LAYERS


def get_bibtex(model_identifier):
    return BIBTEX


if __name__ == '__main__':
    check_models.check_base_models(__name__)
