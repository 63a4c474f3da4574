"""Lets the network.py of a package fetch its weights from file addresses.

Reads {"folder", "home", "url", "sha1"} from stdin; prints where they came to lie, that they are there the second time
without their source, and what is said of weights with another SHA-1.
"""
import importlib.util
import json
import os
import sys

asked = json.load(sys.stdin)
os.environ['BRAINSCORE_HOME'] = asked['home']
spec = importlib.util.spec_from_file_location('network', os.path.join(asked['folder'], 'network.py'))
network = importlib.util.module_from_spec(spec)
spec.loader.exec_module(network)

address = network.WEIGHTS['url']
network.WEIGHTS = {'url': asked['url'], 'sha1': asked['sha1']}
first = str(network.weights_path())
network.WEIGHTS['url'] = 'file:///nowhere'
second = str(network.weights_path())
network.WEIGHTS = {'url': asked['url'], 'sha1': '0' * 40}
try:
    network.weights_path()
    refused = None
except ValueError as error:
    refused = str(error)
print(json.dumps({'address': address, 'first': first, 'second': second, 'refused': refused,
                  'left': sorted(os.listdir(os.path.dirname(first)))}))
