"""Loads packages as Brain-Score does, which is stood in for by what they use of it, and says what they commit to.

Reads {"plugins", "identifier", "competition", "pictures"} from stdin: the folder that holds a plugin's folder, the
project folder of the form of 2022, and pictures to look at.
"""
import importlib
import json
import sys
import types


class Extractor:
    """ActivationsExtractorHelper, without assemblies."""

    def __init__(self, get_activations, preprocessing, identifier=False, batch_size=64):
        self.get_activations = get_activations
        self.preprocess = preprocessing
        self.identifier = identifier

    def insert_attrs(self, wrapper):
        wrapper.from_paths = self.from_paths

    def set_visual_degrees(self, visual_degrees):
        self.visual_degrees = visual_degrees

    def __call__(self, stimuli, layers):
        return self.from_paths(stimuli, layers)

    def from_paths(self, stimuli_paths, layers):
        return self.get_activations(self.preprocess(stimuli_paths), layers)


class Commitment:
    def __init__(self, identifier, activations_model, layers, behavioral_readout_layer=None, region_layer_map=None,
                 visual_degrees=8):
        self.activations_model = activations_model
        self.said = {'identifier': identifier, 'layers': layers, 'readout': behavioral_readout_layer,
                     'map': region_layer_map, 'degrees': visual_degrees}


def module(name, **attributes):
    made = types.ModuleType(name)
    made.__path__ = []
    vars(made).update(attributes)
    sys.modules[name] = made
    parent, _, child = name.rpartition('.')
    if parent:
        setattr(sys.modules.get(parent) or module(parent), child, made)
    return made


def look(model, pictures):
    layers = [model.said['readout'], *model.said['layers']]
    found = model.activations_model(pictures, layers)
    return {**model.said, 'activations': [[layer, list(values.shape)] for layer, values in found.items()],
            'name': model.activations_model.identifier}


asked = json.load(sys.stdin)
registry = {}
vision = module('brainscore_vision', model_registry=registry)
module('brainscore_vision.model_helpers.activations.core', ActivationsExtractorHelper=Extractor)
module('brainscore_vision.model_helpers.brain_transformation', ModelCommitment=Commitment)
module('brainscore_vision.models').__path__ = [asked['plugins']]
importlib.import_module('brainscore_vision.models.' + asked['identifier'])
plugin = {key: look(make(), asked['pictures']) for key, make in registry.items()}

module('model_tools.activations.core', ActivationsExtractorHelper=Extractor)
module('model_tools.brain_transformation', ModelCommitment=Commitment)
module('model_tools.check_submission', check_models=None)
sys.path.insert(0, asked['competition'])
base = importlib.import_module('models.base_models')
brain = importlib.import_module('models.brain_models')
[name] = base.get_model_list()
competition = {'names': brain.get_model_list(), 'layers': base.get_layers(name), 'bibtex': base.get_bibtex(name),
               'brain': look(brain.get_model(name), asked['pictures'])}
print(json.dumps({'plugin': plugin, 'competition': competition}))
