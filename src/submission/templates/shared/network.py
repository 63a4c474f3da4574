"""The network and how it sees pictures, without Brain-Score: ONNX Runtime, numpy and Pillow are enough.

Made by ventral. The values below are those of the model card and of model.onnx, which carries the card inside.
"""
import hashlib
import os
import tempfile
import urllib.request
from collections import OrderedDict
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

# The output of the graph that holds each layer.
OUTPUTS = VENTRAL.outputs

# The graph's only input: its name, element type, layout and order of colours, and the pictures a call where it fixes
# their number.
INPUT = VENTRAL.input
DTYPE = VENTRAL.dtype
LAYOUT = VENTRAL.layout
CHANNELS = VENTRAL.channels
BATCH = VENTRAL.batch

# From a picture on the screen to the input: resize, centre crop, (pixel * RANGE / 255 - MEAN) / STD.
RESIZE = VENTRAL.resize
CROP = VENTRAL.crop
CROP_RULE = VENTRAL.crop_rule
RANGE = VENTRAL.range
MEAN = VENTRAL.mean
STD = VENTRAL.std

# The file beside this one, or an address with the SHA-1 of what is there.
WEIGHTS = VENTRAL.weights


def preprocess(paths):
    """Pictures as pixels of the input: N x 3 x height x width, whatever the layout of the graph."""
    return np.stack([normalise(center_crop(resize(load(path)))) for path in paths])


def load(path):
    """The picture in RGB. Alpha is dropped without blending, as Brain-Score's load_image does."""
    with Image.open(path) as image:
        if image.mode == 'RGB':
            return image.copy()
        if image.mode == '1':
            return image.convert('RGB')
        canvas = Image.new('RGB', image.size)
        canvas.paste(image)
        return canvas


def target_size(width, height):
    if RESIZE['mode'] == 'square':
        return RESIZE['to'], RESIZE['to']
    # torchvision's Resize(int): the long side is truncated.
    long = int(RESIZE['to'] * max(width, height) / min(width, height))
    return (RESIZE['to'], long) if width <= height else (long, RESIZE['to'])


def resize(image):
    """Pixels after the resize: height x width x 3, 8 bits, or float32 in 0 to 255 where torch resizes."""
    if RESIZE is None:
        return np.asarray(image)
    size = target_size(*image.size)
    if RESIZE['library'] == 'pillow':
        filters = getattr(Image, 'Resampling', Image)
        return np.asarray(image.resize(size, getattr(filters, RESIZE['filter'].upper())))
    if RESIZE['library'] == 'opencv':
        import cv2
        filters = {'nearest': cv2.INTER_NEAREST, 'bilinear': cv2.INTER_LINEAR, 'bicubic': cv2.INTER_CUBIC,
                   'area': cv2.INTER_AREA}
        return cv2.resize(np.asarray(image), size, interpolation=filters[RESIZE['filter']])
    import torch
    tensor = torch.from_numpy(np.array(image, dtype=np.float32)).permute(2, 0, 1)[None]
    resized = torch.nn.functional.interpolate(tensor, size=(size[1], size[0]), mode='bilinear', align_corners=False,
                                              antialias=RESIZE['antialias'])
    return resized[0].permute(1, 2, 0).numpy()


def center_crop(pixels):
    """The centre crop of torchvision (halves to even, zeros around), transformers (floor, too) or albumentations."""
    if CROP is None:
        return pixels
    height, width = pixels.shape[:2]
    if CROP_RULE == 'albumentations':
        if min(height, width) < CROP:
            raise ValueError(f'crop is {CROP} pixels, but the picture has {width} x {height} after resize')
        top, left = (height - CROP) // 2, (width - CROP) // 2
    else:
        pad_y, pad_x = max(0, CROP - height), max(0, CROP - width)
        floors = CROP_RULE == 'transformers'
        above, before = (pad_y + floors) // 2, (pad_x + floors) // 2
        pixels = np.pad(pixels, ((above, pad_y - above), (before, pad_x - before), (0, 0)))
        height, width = pixels.shape[:2]
        top, left = (height - CROP) / 2, (width - CROP) / 2
        top, left = (int(top), int(left)) if floors else (round(top), round(left))
    return pixels[top:top + CROP, left:left + CROP]


def normalise(pixels):
    """3 x height x width in float32, or in uint8 for a network that takes bytes."""
    if CHANNELS == 'BGR':
        pixels = pixels[:, :, ::-1]
    values = (pixels.astype(np.float64) * RANGE / 255 - np.array(MEAN)) / np.array(STD)
    if DTYPE == 'uint8':
        values = np.clip(np.rint(values), 0, 255)
    return values.transpose(2, 0, 1).astype(np.uint8 if DTYPE == 'uint8' else np.float32)


class Network:
    """The ONNX graph in ONNX Runtime, on the processor, where the numbers are the same everywhere."""

    def __init__(self):
        self._session = onnxruntime.InferenceSession(str(weights_path()), providers=['CPUExecutionProvider'])

    def activations(self, images, layers):
        """What the layers answer to pictures of `preprocess`: layer -> array with the pictures first."""
        unknown = [layer for layer in layers if layer not in OUTPUTS]
        if unknown:
            raise KeyError(f'the network has no layer {unknown[0]!r}; it has {list(OUTPUTS)}')
        names = list(dict.fromkeys(OUTPUTS[layer] for layer in layers))
        images = np.asarray(images, dtype=DTYPE)
        if LAYOUT == 'NHWC':
            images = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
        runs = [self._run(names, images[first:first + step]) for first, step in steps(len(images))]
        joined = {name: np.concatenate(parts) for name, parts in zip(names, zip(*runs))}
        return OrderedDict((layer, joined[OUTPUTS[layer]]) for layer in layers)

    def _run(self, names, images):
        count = len(images)
        if BATCH is not None and count < BATCH:
            images = np.concatenate([images, np.repeat(images[-1:], BATCH - count, axis=0)])
        outputs = self._session.run(names, {INPUT: images})
        # Half precision is widened, so that sums over units do not overflow.
        return [output[:count].astype(np.float32 if output.dtype == np.float16 else output.dtype)
                for output in outputs]


def steps(count):
    step = BATCH or max(count, 1)
    return [(first, step) for first in range(0, count, step)]


def weights_path():
    """The file beside this module; or the one that was downloaded, whose SHA-1 is checked each time."""
    if 'file' in WEIGHTS:
        return Path(__file__).resolve().parent / WEIGHTS['file']
    folder = Path(os.environ.get('BRAINSCORE_HOME', '~/.brain-score')).expanduser() / 'ventral'
    path = folder / (WEIGHTS['sha1'] + '.onnx')
    if not path.is_file() or sha1_of(path) != WEIGHTS['sha1']:
        folder.mkdir(parents=True, exist_ok=True)
        download(path)
    return path


def download(path):
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as temporary:
        try:
            with urllib.request.urlopen(WEIGHTS['url']) as response:
                for chunk in iter(lambda: response.read(2 ** 20), b''):
                    temporary.write(chunk)
            temporary.flush()
            found = sha1_of(temporary.name)
            if found != WEIGHTS['sha1']:
                raise ValueError(f"{WEIGHTS['url']} has the SHA-1 {found}, expected {WEIGHTS['sha1']}")
            os.replace(temporary.name, path)
        except BaseException:
            os.unlink(temporary.name)
            raise


def sha1_of(path):
    digest = hashlib.sha1()
    with open(path, 'rb') as file:
        for chunk in iter(lambda: file.read(2 ** 20), b''):
            digest.update(chunk)
    return digest.hexdigest()
