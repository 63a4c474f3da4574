"""The seven property scores of Marques2020 by the original's own files, read from a checkout of brain-score/vision.

    python3 properties_original.py CHECKOUT FOLDER

FOLDER holds what bench/properties-original.ts writes. What stands around those files (assemblies, the disk cache, loaders)
is replaced by the least that runs them: a cache in memory with the same keys, activations that are there already.
"""
import functools
import importlib.util
import inspect
import json
import sys
import time
import types
from pathlib import Path

import numpy as np
import scipy.interpolate  # The original imports it on the way, which is no part of its work.
import xarray as xr

checkout, folder = Path(sys.argv[1]), Path(sys.argv[2])
task = json.loads((folder / 'task.json').read_text())


class DataAssembly(xr.DataArray):
    __slots__ = ()


class Score(DataAssembly):
    __slots__ = ()
    RAW_VALUES_KEY = 'raw'


class BenchmarkBase:
    def __init__(self, identifier, ceiling_func, **_):
        self.identifier, self._ceiling_func = identifier, ceiling_func


def ceil_score(raw, ceiling):
    return float(raw) / float(ceiling)


kept = {}


def store(identifier_ignore=()):
    def decorate(function):
        @functools.wraps(function)
        def cached(**arguments):
            names = sorted(set(arguments) - set(identifier_ignore))
            key = (function.__name__, *((name, str(arguments[name])) for name in names))
            if key not in kept:
                kept[key] = function(**arguments)
            return kept[key]

        return cached

    return decorate


class StimulusSet:
    def __init__(self, identifier, columns):
        self.identifier, self.columns = identifier, columns

    def __getattr__(self, name):
        return types.SimpleNamespace(values=np.array(self.columns[name], dtype=float))

    def __getitem__(self, name):
        return self.columns[name]


stimulus_sets = {
    name: StimulusSet(name, {**columns, 'degrees': 12}) for name, columns in task['stimuli'].items()
}


class Model:
    identifier = 'made-up'

    def __init__(self):
        self.activations = {}
        for name, stimuli in stimulus_sets.items():
            coordinates = {
                key: ('presentation', np.array(values, dtype=float))
                for key, values in stimuli.columns.items()
                if key != 'degrees'
            }
            self.activations[name] = DataAssembly(
                np.load(folder / f'{name}.npy'),
                dims=['presentation', 'neuroid'],
                coords={**coordinates, 'neuroid': np.arange(task['units'])},
            )

    def start_recording(self, *_, **__):
        pass

    def visual_degrees(self):
        return 8

    def look_at(self, stimuli, number_of_trials):
        # The original makes a new assembly each time, and its readers write into it.
        return self.activations[stimuli.identifier].copy()


def module(name, **members):
    made = types.ModuleType(name)
    vars(made).update(members)
    sys.modules[name] = made
    return made


def original(name, path):
    spec = importlib.util.spec_from_file_location(name, checkout / path)
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


module('result_caching', store=store)
for name in ('brainscore_core', 'brainscore_core.supported_data_standards', 'brainscore_core.supported_data_standards.brainio'):
    module(name)
module('brainscore_core.supported_data_standards.brainio.assemblies', DataAssembly=DataAssembly, PropertyAssembly=DataAssembly)
module('brainscore_core.metrics', Metric=object, Score=Score)
vision = module('brainscore_vision', load_stimulus_set=stimulus_sets.get, load_dataset=None, load_metric=None)
vision.__path__ = []
module('brainscore_vision.benchmarks', BenchmarkBase=BenchmarkBase, ceil_score=ceil_score).__path__ = []
module('brainscore_vision.benchmark_helpers').__path__ = []
module('brainscore_vision.benchmark_helpers.screen', place_on_screen=lambda stimuli, target_visual_degrees: stimuli)
module('brainscore_vision.model_interface', BrainModel=object)
metrics = original('brainscore_vision.metrics.distribution_similarity', 'brainscore_vision/metrics/distribution_similarity/metric.py')
common = original('brainscore_vision.benchmark_helpers.properties_common', 'brainscore_vision/benchmark_helpers/properties_common.py')


def assembly_of(benchmark):
    values = np.array(benchmark['recorded'], dtype=float)[:, np.newaxis]
    found = DataAssembly(
        values,
        dims=['neuroid', 'neuronal_property'],
        coords={'region': ('neuroid', ['V1'] * len(values)), 'neuronal_property': [benchmark['property']]},
        attrs={f"{benchmark['property']}_bins": np.array(benchmark['bins']), 'number_of_trials': 20},
    )
    found.attrs['stimulus_set'] = stimulus_sets[benchmark['set']]
    return found


module_of = {name: original(f'marques.{name}', f'brainscore_vision/benchmarks/marques2020/benchmarks/{name}_benchmark.py')
             for name in sorted({benchmark['module'] for benchmark in task['benchmarks']})}
model = Model()
prepared = []
for benchmark in task['benchmarks']:
    similarity = metrics.BootstrapDistributionSimilarity(benchmark['property'])
    function = getattr(module_of[benchmark['module']], f"{benchmark['function']}_properties")
    prepared.append((benchmark, common.PropertiesBenchmark(
        benchmark['id'], assembly_of(benchmark), function, similarity, None,
        ceiling_func=metrics.NeuronalPropertyCeiling(similarity))))

parts = {}


def timed(part, function):
    @functools.wraps(function)
    def run(*arguments, **named):
        before = time.process_time()
        try:
            return function(*arguments, **named)
        finally:
            parts[part] = parts.get(part, 0) + time.process_time() - before

    return run


Model.look_at = timed('copies', Model.look_at)
common.map_receptive_field_locations = timed('fields', common.map_receptive_field_locations)
metrics.BootstrapDistributionSimilarity.__call__ = timed('comparing', metrics.BootstrapDistributionSimilarity.__call__)

started, processor = time.perf_counter(), time.process_time()
scores = {}
for benchmark, scored in prepared:
    np.random.seed(benchmark['seed'])
    scores[benchmark['id']] = scored(model)
seconds, processor = time.perf_counter() - started, time.process_time() - processor
versions = {each.__name__: each.__version__ for each in (np, xr, __import__('scipy'))}
print(json.dumps({'seconds': seconds, 'processor': processor, 'parts': parts, 'scores': scores, 'versions': versions}))
