"""Writes a network of videos with the blocks and widths of torchvision's r3d_18, and what hooks on its modules record of one
clip, for videos.test.ts: FOLDER/r3d.onnx and FOLDER/r3d.npz. Needs torch; run by the test where it is."""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

FRAMES, THERE, SIDE = 8, 12, 56
MEAN, STD = [0.43216, 0.394666, 0.37645], [0.22803, 0.22145, 0.216989]


def conv(before, after, stride=1):
    return nn.Conv3d(before, after, 3, stride, 1, bias=False)


class Block(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1 = nn.Sequential(conv(before, after, stride), nn.BatchNorm3d(after), nn.ReLU(inplace=True))
        self.conv2 = nn.Sequential(conv(after, after), nn.BatchNorm3d(after))
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1:
            self.downsample = nn.Sequential(nn.Conv3d(before, after, 1, stride, bias=False), nn.BatchNorm3d(after))

    def forward(self, x):
        rest = x if self.downsample is None else self.downsample(x)
        return self.relu(self.conv2(self.conv1(x)) + rest)


class R3D(nn.Module):
    def __init__(self):
        super().__init__()
        first = nn.Conv3d(3, 64, (3, 7, 7), (1, 2, 2), (1, 3, 3), bias=False)
        self.stem = nn.Sequential(first, nn.BatchNorm3d(64), nn.ReLU(inplace=True))
        before = 64
        for index, after in enumerate([64, 128, 256, 512]):
            blocks = nn.Sequential(Block(before, after, 1 if index == 0 else 2), Block(after, after, 1))
            setattr(self, f"layer{index + 1}", blocks)
            before = after
        self.avgpool = nn.AdaptiveAvgPool3d(1)
        self.fc = nn.Linear(512, 400)

    def forward(self, x):
        x = self.layer4(self.layer3(self.layer2(self.layer1(self.stem(x)))))
        return self.fc(self.avgpool(x).flatten(1))


def main(folder):
    torch.manual_seed(0)
    network = R3D()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    network.eval()
    there = np.random.default_rng(0).integers(0, 256, (THERE, SIDE, SIDE, 3), np.uint8)
    taken = there[[(2 * i + 1) * THERE // (2 * FRAMES) for i in range(FRAMES)]]
    pixels = (taken.astype(np.float64) / 255 - MEAN) / STD
    clip = torch.tensor(pixels, dtype=torch.float32).permute(3, 0, 1, 2)[None].contiguous()
    found = {"frames": there}

    def hook(name):
        # Copied at once: the rectifiers work in place.
        return lambda _module, _inputs, output: found.__setitem__(f"layer/{name}", output.detach().numpy().copy())

    handles = [module.register_forward_hook(hook(name)) for name, module in network.named_modules() if name]
    with torch.no_grad():
        network(clip)
    for handle in handles:
        handle.remove()
    torch.onnx.export(
        network,
        clip,
        str(folder / "r3d.onnx"),
        opset_version=17,
        dynamo=False,
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
        input_names=["clip"],
        dynamic_axes={"clip": {0: "batch"}},
    )
    np.savez(folder / "r3d.npz", **found)


main(Path(sys.argv[1]))
