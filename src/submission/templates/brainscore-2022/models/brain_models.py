"""The network as a model of the brain: with its own map from regions to layers and its visual degrees."""
from model_tools.brain_transformation import ModelCommitment
from model_tools.check_submission import check_models

from models import base_models

REGION_LAYER_MAP = VENTRAL.region_layer_map
BEHAVIORAL_READOUT_LAYER = VENTRAL.readout
VISUAL_DEGREES = VENTRAL.visual_degrees


def get_model_list():
    return base_models.get_model_list()


def get_model(name):
    return ModelCommitment(
        identifier=name,
        activations_model=base_models.get_model(name),
        layers=base_models.get_layers(name),
        behavioral_readout_layer=BEHAVIORAL_READOUT_LAYER,
        region_layer_map=REGION_LAYER_MAP,
        visual_degrees=VISUAL_DEGREES)


def get_bibtex(model_identifier):
    return base_models.get_bibtex(model_identifier)


if __name__ == '__main__':
    check_models.check_brain_models(__name__)
