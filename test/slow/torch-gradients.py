"""Writes networks of torchvision, narrow where they are large, as torch.onnx.export writes them, with loss and
gradients of autograd in float64, for torch-gradients.test.ts: FOLDER/NAME.onnx and FOLDER/gradients.json."""

import importlib.util
import json
import sys
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torchvision import models
from torchvision.models.convnext import CNBlockConfig

FIXTURES = Path(__file__).parent.parent / "fixtures" / "training"
spec = importlib.util.spec_from_file_location("torch_exports", FIXTURES / "torch_exports.py")
exports = importlib.util.module_from_spec(spec)
spec.loader.exec_module(exports)

CLASSES = exports.CLASSES
vit = lambda: models.VisionTransformer(32, 8, 2, 2, 16, 24, num_classes=CLASSES)
swin = lambda kind: lambda: models.SwinTransformer([4, 4], 12, [1, 2], [1, 2], [2, 2], num_classes=CLASSES, **kind)
convnext = lambda: models.ConvNeXt([CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 2)], num_classes=CLASSES)
maxvit = lambda: models.MaxVit((32, 32), 8, 2, [8], [1], 8, 0.0, num_classes=CLASSES)
named = lambda build, **more: lambda: build(num_classes=CLASSES, **more)

# The network, the side of its images, and the operator set.
KINDS = {
    "vit": (vit, 32, 17),
    "swin": (swin({}), 32, 17),
    "swin-v2": (swin({"block": models.swin_transformer.SwinTransformerBlockV2, "downsample_layer": models.swin_transformer.PatchMergingV2}), 32, 18),
    "convnext": (convnext, 32, 17),
    "maxvit": (maxvit, 32, 17),
    "mobilenet-v3": (named(models.mobilenet_v3_small), 48, 17),
    "shufflenet": (named(models.shufflenet_v2_x0_5), 48, 14),
    "densenet": (lambda: models.DenseNet(12, (2, 2), 8, num_classes=CLASSES), 48, 17),
    "squeezenet": (named(models.squeezenet1_1), 48, 18),
}


def write(folder, name):
    kind, side, opset = KINDS[name]
    exports.SIDE = side
    torch.manual_seed(exports.SEED)
    model = kind()
    for key, value in model.named_parameters():
        if value.dim() > 1 and "layer_scale" not in key:
            nn.init.normal_(value, 0, (2 / value[0].numel()) ** 0.5)
        else:
            # Equal parameters would be stored once.
            value.data += 0.1 * torch.randn(value.shape)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1
    with torch.no_grad():
        model.train()(torch.randn(4, 3, side, side))
    return {"side": side, **exports.gradients(model.eval(), folder, name, opset)}


if __name__ == "__main__":
    result = {name: write(sys.argv[1], name) for name in KINDS}
    head = {"batch": exports.BATCH, "seed": exports.SEED, "classes": CLASSES}
    Path(sys.argv[1], "gradients.json").write_text(json.dumps({**head, "networks": result}))
