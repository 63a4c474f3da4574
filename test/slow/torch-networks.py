"""Writes networks of torchvision, or of its module names, for import.test.ts: FOLDER/NAME.pth, .npz and, where it
comes by --graph, .onnx, for every NAME. Needs torch, torchvision and onnx; run by the test where they are."""

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

FIXTURES = Path(__file__).parent.parent / "fixtures"


def load(name):
    spec = importlib.util.spec_from_file_location(name, FIXTURES / name / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


graft, models = load("graft"), load("models")


class Shortcut(nn.Module):
    def __init__(self, planes):
        super().__init__()
        self.side = planes // 4

    def forward(self, x):
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.side, self.side))


class CifarBlock(nn.Module):
    def __init__(self, before, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = Shortcut(planes) if stride != 1 else nn.Sequential()

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class ResNet20(nn.Module):
    """As akamaster/pytorch_resnet_cifar10 describes it."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        before = 16
        for index, planes in enumerate([16, 32, 64]):
            strides = [1 if index == 0 else 2, 1, 1]
            blocks = []
            for stride in strides:
                blocks.append(CifarBlock(before, planes, stride))
                before = planes
            setattr(self, f"layer{index + 1}", nn.Sequential(*blocks))
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.linear(F.avg_pool2d(x, x.size()[3]).flatten(1))


def plain_b1():
    """timm's own efficientnet_b1: PyTorch's padding and epsilon under the names of tf_efficientnet_b1."""
    network = models.EfficientNetB1()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-5
        if isinstance(module, models.SameConv2d):
            module.forward = lambda x, m=module: F.conv2d(
                x, m.weight, m.bias, m.stride, (m.kernel_size[0] - 1) // 2, 1, m.groups
            )
    return network


def lukemelas(key):
    """A name of timm in lukemelas' package."""
    path, leaf = key.rsplit(".", 1)
    fixed = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1", "classifier": "_fc"}
    if path in fixed:
        return f"{fixed[path]}.{leaf}"
    _, stage, index, part = path.split(".", 3)
    number = sum([2, 3, 3, 4, 4, 5, 2][: int(stage)]) + int(index)
    first = {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
    others = {
        "conv_pw": "_expand_conv",
        "bn1": "_bn0",
        "conv_dw": "_depthwise_conv",
        "bn2": "_bn1",
        "conv_pwl": "_project_conv",
        "bn3": "_bn2",
    }
    parts = {"se.conv_reduce": "_se_reduce", "se.conv_expand": "_se_expand", **(first if stage == "0" else others)}
    return f"_blocks.{number}.{parts[part]}.{leaf}"


def settle(model, side):
    """Batch norms as after training: statistics of a batch, then moved, so that layers stay of a size."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    generator = torch.Generator().manual_seed(7)
    draw = lambda like, low, high: torch.rand(like.shape, generator=generator) * (high - low) + low
    for norm in norms:
        norm.momentum = 1
        norm.weight.data = draw(norm.weight, 0.5, 1.5)
        norm.bias.data = draw(norm.bias, -0.3, 0.3)
    with torch.no_grad():
        model.train()(torch.randn(4, 3, side, side, generator=generator))
    for norm in norms:
        deviation = norm.running_var.sqrt()
        norm.running_mean += draw(norm.running_mean, -0.3, 0.3) * deviation
        norm.running_var *= draw(norm.running_var, 0.7, 2)
    return model.eval()


def vit():
    return torchvision.models.VisionTransformer(32, 8, 2, 2, 16, 24, num_classes=9)


# Network, side of the picture, how it is exported where it comes by --graph, and names of the state dict.
KINDS = {
    "resnet50": (torchvision.models.resnet50, 96, None, None),
    "efficientnet_b1": (torchvision.models.efficientnet_b1, 96, None, None),
    "tf_efficientnet_b1": (models.EfficientNetB1, 75, None, None),
    "plain_efficientnet_b1": (plain_b1, 75, None, None),
    "lukemelas_efficientnet_b1": (models.EfficientNetB1, 96, None, lukemelas),
    "resnet20": (ResNet20, 32, None, None),
    "mobilenet_v2": (torchvision.models.mobilenet_v2, 64, "unfolded", None),
    "mobilenet_v2_folded": (torchvision.models.mobilenet_v2, 64, "folded", None),
    "resnet18_folded": (torchvision.models.resnet18, 64, "folded", None),
    "densenet121_folded": (torchvision.models.densenet121, 64, "folded", None),
    "googlenet_folded": (lambda: torchvision.models.googlenet(init_weights=False), 64, "folded", None),
    "vit_folded": (vit, 32, "folded", None),
}


def write(folder, name):
    kind, side, exported, rename = KINDS[name]
    torch.manual_seed(1)
    if exported is not None:
        graft.export(kind().eval(), f"{folder}/{name}.onnx", exported == "folded", side)
    torch.manual_seed(2)
    model = settle(kind(), side)
    state = model.state_dict()
    torch.save({rename(k) if rename else k: v for k, v in state.items()}, f"{folder}/{name}.pth")
    x = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(3))
    recorded = graft.reference(model, x)
    if rename:
        weighted = {k.rsplit(".", 1)[0] for k in state}
        keep = {"input": "input", "output": "output"}
        keep.update({path: rename(f"{path}.weight").rsplit(".", 1)[0] for path in weighted})
        recorded = {keep[k]: v for k, v in recorded.items() if k in keep}
    np.savez(f"{folder}/{name}.npz", **recorded)


if __name__ == "__main__":
    for each in sys.argv[2:]:
        write(sys.argv[1], each)
