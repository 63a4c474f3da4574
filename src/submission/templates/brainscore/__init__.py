from brainscore_vision import model_registry
from .model import get_model

model_registry[VENTRAL.identifier] = lambda: get_model()
