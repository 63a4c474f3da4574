"""PyTorch's rate on EfficientNet-B1: a hook on each module that copies at once, activations let go.

Run by bench/map.ts as `python3 torch_extraction.py TASK`; prints pictures a second after the first batch.
"""
import importlib.util
import json
import sys
import time
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "test" / "fixtures" / "models" / "make.py"
spec = importlib.util.spec_from_file_location("make", SOURCE)
make = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make)

task = json.loads(sys.argv[1])
torch.manual_seed(0)
torch.set_num_threads(2)
model = make.load(make.EfficientNetB1(), task["model"])
modules = dict(model.named_modules())
found = {}


def keep(name):
    def hook(module, inputs, output):
        found[name] = output.detach().clone().numpy()

    return hook


for name in task["modules"]:
    modules[name].register_forward_hook(keep(name))
batch = torch.rand(task["batch"], 3, task["side"], task["side"])
with torch.inference_mode():
    model(batch)
    started = time.perf_counter()
    count = task["pictures"] // task["batch"]
    for _ in range(count):
        model(batch)
    print(count * task["batch"] / (time.perf_counter() - started))
