"""Runs the network.py of packages on pictures, and says how far its activations are from stored ones.

Reads [{"folder", "stimuli", "features"}] as JSON from stdin; prints for each the largest difference of every
layer relative to max(1, largest value), or why it was left out.
"""
import importlib.util
import json
import os
import sys

import numpy as np


def load(folder):
    spec = importlib.util.spec_from_file_location('network', os.path.join(folder, 'network.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compare(case):
    network = load(case['folder'])
    library = (network.RESIZE or {}).get('library')
    needs = {'opencv': 'cv2', 'torch': 'torch'}.get(library)
    if needs and importlib.util.find_spec(needs) is None:
        return f'{needs} is missing'
    expected = np.load(case['features'])
    ids = [str(name) for name in expected['stimulus_id']]
    files = {os.path.splitext(name)[0]: name for name in os.listdir(case['stimuli'])}
    paths = [os.path.join(case['stimuli'], files[name]) for name in ids]
    layers = [key[len('features/'):] for key in expected.files if key.startswith('features/')]
    found = network.Network().activations(network.preprocess(paths), layers)
    differences = {}
    for layer in layers:
        ours = expected['features/' + layer].astype(np.float64)
        theirs = found[layer].reshape(len(paths), -1).astype(np.float64)
        assert ours.shape == theirs.shape, (layer, ours.shape, theirs.shape)
        differences[layer] = [np.abs(ours - theirs).max(), np.abs(ours).max()]
    return differences


print(json.dumps([compare(case) for case in json.load(sys.stdin)]))
