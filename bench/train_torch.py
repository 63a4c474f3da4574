"""PyTorch's SGD step on the network of an ONNX file, for bench/train.ts: `python3 train_torch.py TASK`.

Prints JSON: milliseconds and processor milliseconds of each step after those that warm up, losses of all, and the
peak memory of the process.
"""

import importlib.util
import json
import re
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
import torchvision
from onnx import numpy_helper
from torch import nn

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "test" / "fixtures" / "models" / "make.py"
spec = importlib.util.spec_from_file_location("make", SOURCE)
make = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make)


class BasicBlock(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.downsample = (
            nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
            if stride != 1 or before != after
            else None
        )

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)), inplace=True)))
        return F.relu(y + (self.downsample(x) if self.downsample else x), inplace=True)


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        before = 64
        for layer, after in enumerate([64, 128, 256, 512], 1):
            first = BasicBlock(before, after, 2 if layer > 1 else 1)
            setattr(self, f"layer{layer}", nn.Sequential(first, BasicBlock(after, after, 1)))
            before = after
        self.fc = nn.Linear(512, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


KINDS = {"resnet-18": ResNet18, "resnet-50": torchvision.models.resnet50, "efficientnet-b1": make.EfficientNetB1}

task = json.loads(sys.argv[1])
torch.set_num_threads(task["threads"])
torch.manual_seed(0)
model = KINDS[task["network"]]().train()
tensors = {t.name: torch.tensor(numpy_helper.to_array(t)) for t in onnx.load(task["model"]).graph.initializer}
missing = model.load_state_dict(tensors, strict=False).missing_keys
assert all(key.endswith("num_batches_tracked") for key in missing), missing
layout = torch.channels_last if task["layout"] == "channels_last" else torch.contiguous_format
model = model.to(memory_format=layout)
random = np.random.RandomState(1)
side, batch = task["side"], task["batch"]
pictures = random.standard_normal(batch * 3 * side * side).astype(np.float32).reshape(batch, 3, side, side)
x = torch.tensor(pictures).contiguous(memory_format=layout)
weights = list(model.parameters())
groups = [
    {"params": [w for w in weights if w.dim() > 1], "weight_decay": task["weight_decay"]},
    {"params": [w for w in weights if w.dim() <= 1], "weight_decay": 0},
]
optimizer = torch.optim.SGD(groups, lr=task["rate"], momentum=task["momentum"])
steps, processor, losses = [], [], []
labels = torch.arange(batch) % 10
for step in range(task["warm"] + task["steps"]):
    wall, cpu = time.perf_counter(), time.process_time()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), labels)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    steps.append((time.perf_counter() - wall) * 1000)
    processor.append((time.process_time() - cpu) * 1000)
peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) // 1024
warm = task["warm"]
print(json.dumps({"steps": steps[warm:], "processor": processor[warm:], "losses": losses, "peakMiB": peak}))
