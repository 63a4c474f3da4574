"""Writes FILE.onnx: a network with noise as VOneNet's, drop-out, spikes and odds, exported in training mode as its authors
would. Needs torch; run by noisy-network.test.ts where it is."""

import sys

import torch
from torch import nn


class Noise(nn.Module):
    def forward(self, x):
        return x + torch.randn_like(x) * torch.sqrt(torch.relu(x) + 1e-4)


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.gabors = nn.Conv2d(3, 8, 7, 2)
        self.noise = Noise()
        self.output = nn.ReLU()
        self.drop = nn.Dropout(0.3)
        self.body = nn.Sequential(nn.Conv2d(8, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))

    def forward(self, x):
        x = self.drop(self.output(self.noise(self.gabors(x))))
        x = torch.bernoulli(torch.sigmoid(x)) + torch.rand_like(x) + torch.randn(1, 8, 1, 1)
        return self.body(x)


torch.manual_seed(0)
torch.onnx.export(
    Network().train(),
    torch.zeros(1, 3, 32, 32),
    sys.argv[1],
    input_names=["image"],
    output_names=["logits"],
    dynamic_axes={"image": {0: "N"}, "logits": {0: "N"}},
    training=torch.onnx.TrainingMode.TRAINING,
    do_constant_folding=False,
    opset_version=17,
    dynamo=False,
)
