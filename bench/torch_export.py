"""A network of torchvision with seeded random weights as ONNX, as people export: torch_export.py NAME FILE."""

import sys

import torch
import torchvision

name, path = sys.argv[1:]
torch.manual_seed(0)
model = torchvision.models.get_model(name, weights=None).eval()
for parameter in model.parameters():
    # A head of zeros would answer every image alike.
    if not parameter.data.any():
        torch.nn.init.normal_(parameter, std=0.02)
torch.onnx.export(
    model,
    torch.zeros(1, 3, 224, 224),
    path,
    opset_version=17,
    dynamo=False,
    input_names=["image"],
    output_names=["logits"],
    dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
)
