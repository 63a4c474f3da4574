import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseCard } from '../../../src/activations/card/card.js';
import { cardTemplate, openFields } from '../../../src/activations/card/card-template.js';
import { readHubConfig } from '../../../src/activations/card/hub-config.js';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-hub-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const read = (config: unknown) => {
  const path = join(root, 'config.json');
  writeFileSync(path, typeof config === 'string' ? config : JSON.stringify(config));
  return readHubConfig(path);
};

const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const clip = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
};
const half = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
/** transformers rounds the offset of a crop down. */
const floors = { crop_rule: 'transformers' } as const;
const named = ({ mean, std }: typeof half) => ({ image_mean: mean, image_std: std });
const pillow = (to: number, mode: string, filter: string) => ({
  to,
  mode,
  filter,
  library: 'pillow',
});

test.each([
  [
    'timm, a vision transformer',
    {
      architecture: 'vit_base_patch16_224',
      pretrained_cfg: {
        ...{ input_size: [3, 224, 224], interpolation: 'bicubic', crop_pct: 0.9 },
        ...{ crop_mode: 'center', ...half },
      },
    },
    { resize: pillow(248, 'short-side', 'bicubic'), crop: 224, range: 1, ...half },
  ],
  [
    'timm, squashed',
    {
      pretrained_cfg: {
        ...{ input_size: [3, 384, 384], interpolation: 'bicubic', crop_pct: 1 },
        ...{ crop_mode: 'squash', ...imagenet },
      },
    },
    { resize: pillow(384, 'square', 'bicubic'), crop: 384, range: 1, ...imagenet },
  ],
  [
    'transformers, ViT',
    {
      ...{ do_resize: true, size: { height: 224, width: 224 }, resample: 2, do_rescale: true },
      ...{ rescale_factor: 0.00392156862745098, do_normalize: true, ...named(half) },
    },
    { resize: pillow(224, 'square', 'bilinear'), range: 1, ...half },
  ],
  [
    'transformers, CLIP',
    {
      ...{ do_resize: true, size: { shortest_edge: 224 }, resample: 3, do_center_crop: true },
      ...{ crop_size: { height: 224, width: 224 }, do_normalize: true, ...named(clip) },
    },
    { resize: pillow(224, 'short-side', 'bicubic'), crop: 224, ...floors, range: 1, ...clip },
  ],
  [
    'transformers, DeiT of an older release',
    {
      feature_extractor_type: 'DeiTFeatureExtractor',
      ...{ do_resize: true, size: 256, resample: 3, do_center_crop: true, crop_size: 224 },
      ...{ do_normalize: true, ...named(imagenet) },
    },
    { resize: pillow(256, 'square', 'bicubic'), crop: 224, ...floors, range: 1, ...imagenet },
  ],
  [
    'transformers, ConvNeXt below 384 pixels',
    {
      ...{ do_resize: true, size: { shortest_edge: 224 }, crop_pct: 0.875, resample: 3 },
      ...{ do_normalize: true, ...named(imagenet) },
    },
    {
      resize: pillow(256, 'short-side', 'bicubic'),
      ...{ crop: 224, ...floors, range: 1, ...imagenet },
    },
  ],
  [
    'transformers, pixels from -1 to 1 by an offset',
    {
      ...{ do_resize: true, size: { height: 240, width: 240 }, resample: 0, do_normalize: false },
      ...{ rescale_factor: 1 / 127.5, rescale_offset: true },
    },
    { resize: pillow(240, 'square', 'nearest'), range: 2, mean: [1, 1, 1], std: [1, 1, 1] },
  ],
  [
    'open_clip',
    {
      model_cfg: { embed_dim: 512 },
      preprocess_cfg: { size: [224, 224], mode: 'RGB', ...clip, interpolation: 'bicubic' },
    },
    { resize: pillow(224, 'short-side', 'bicubic'), crop: 224, range: 1, ...clip },
  ],
  [
    'torchvision',
    { crop_size: [224], resize_size: [232], ...imagenet, interpolation: 'bilinear' },
    { resize: pillow(232, 'short-side', 'bilinear'), crop: 224, range: 1, ...imagenet },
  ],
  [
    'timm, silent but for the size',
    { pretrained_cfg: { input_size: [3, 224, 224], crop_mode: null } },
    { resize: pillow(256, 'short-side', 'bicubic'), crop: 224, range: 1, ...imagenet },
  ],
  [
    'open_clip, silent but for the size of the model',
    { model_cfg: { vision_cfg: { image_size: 256 } }, preprocess_cfg: { size: 224 } },
    { resize: pillow(256, 'short-side', 'bicubic'), crop: 256, range: 1, ...clip },
  ],
  [
    'open_clip, an interpolation of the training',
    { preprocess_cfg: { size: 224, interpolation: 'random', resize_mode: 'squash', ...half } },
    { resize: pillow(224, 'square', 'bicubic'), crop: 224, range: 1, ...half },
  ],
  [
    'torchvision, a resize to height and width',
    { crop_size: 224, resize_size: [256, 256], ...imagenet, interpolation: 'bicubic' },
    { resize: pillow(256, 'square', 'bicubic'), crop: 224, range: 1, ...imagenet },
  ],
  [
    'torchvision, as it prints itself',
    { crop_size: [224], resize_size: [256], ...half, interpolation: 'InterpolationMode.NEAREST' },
    { resize: pillow(256, 'short-side', 'nearest'), crop: 224, range: 1, ...half },
  ],
  [
    'transformers, an older list of height and width',
    {
      feature_extractor_type: 'CLIPFeatureExtractor',
      ...{ size: [224, 224], do_center_crop: false, ...named(half) },
    },
    { resize: pillow(224, 'square', 'bicubic'), range: 1, ...half },
  ],
  [
    'transformers, a crop without a resize',
    { do_resize: false, do_center_crop: true, crop_size: 224, ...named(half) },
    { resize: 'none', crop: 224, ...floors, range: 1, ...half },
  ],
  [
    'transformers, nested in the configuration of a processor',
    {
      image_processor: {
        ...{ image_processor_type: 'SiglipImageProcessorFast', ...named(half) },
        size: { height: 224, width: 224 },
      },
    },
    { resize: pillow(224, 'square', 'bicubic'), range: 1, ...half },
  ],
  [
    'transformers, LeViT and its share of the side',
    {
      ...{ image_processor_type: 'LevitImageProcessor', size: { shortest_edge: 224 } },
      ...{ do_center_crop: true, crop_size: { height: 224, width: 224 }, ...named(imagenet) },
    },
    {
      resize: pillow(256, 'short-side', 'bicubic'),
      ...{ crop: 224, ...floors, range: 1, ...imagenet },
    },
  ],
  [
    'transformers, blue first',
    {
      image_processor_type: 'MobileViTImageProcessor',
      do_center_crop: false,
      size: { shortest_edge: 288 },
      do_resize: true,
    },
    {
      resize: pillow(288, 'short-side', 'bilinear'),
      ...{ range: 1, mean: [0, 0, 0], std: [1, 1, 1], channels: 'BGR' },
    },
  ],
  [
    'transformers, floats by torch',
    {
      ...{ image_processor_type: 'DINOv3ViTImageProcessorFast', size: { height: 224, width: 224 } },
      ...{ resample: 2, do_center_crop: null, crop_size: null, do_pad: null, ...named(imagenet) },
    },
    {
      resize: { to: 224, mode: 'square', filter: 'bilinear', library: 'torch' },
      ...{ range: 1, ...imagenet },
    },
  ],
])('%s', async (_, config, expected) => {
  const { input } = await read(config);
  expect(input).toEqual({ ...expected, layout: 'NCHW' });
  const hints = { input, layout: 'NCHW' as const };
  const open = openFields(hints).filter((field) => field.startsWith('input'));
  expect(open).toEqual([]);
  const text = cardTemplate('net', hints).replace(/^region_layer_map.*$/m, '');
  expect(parseCard(text, 'net.yaml').input).toEqual(input);
});

test.each<[string, unknown, string]>([
  ['other JSON', { model_type: 'vit' }, 'its keys'],
  ['no JSON', 'hello', 'the file'],
  ['an oblong', { pretrained_cfg: { input_size: [3, 224, 192], ...half } }, 'input_size'],
  [
    'a border',
    { pretrained_cfg: { input_size: [3, 9, 9], crop_mode: 'border', ...half } },
    'crop_mode',
  ],
  ['no deviation', { size: 9, do_resize: true, image_mean: [0, 0, 0] }, 'std'],
  ['a size without a processor', { do_resize: true, size: 256, ...named(half) }, 'size'],
  [
    'a Hamming window',
    { do_resize: true, size: { shortest_edge: 9 }, resample: 5, ...named(half) },
    'interpolation',
  ],
  [
    'padding',
    { do_resize: true, do_pad: true, size: { height: 9, width: 9 }, ...named(half) },
    'do_pad',
  ],
  [
    'a longest edge',
    { do_resize: true, size: { shortest_edge: 9, longest_edge: 9 }, resample: 2, ...named(half) },
    'size.longest_edge',
  ],
  [
    'a crop of no size',
    { image_processor_type: 'CLIPImageProcessor', size: { shortest_edge: 224 }, ...named(half) },
    'crop_size',
  ],
  [
    'a share of none',
    {
      ...{ image_processor_type: 'PoolFormerImageProcessor', crop_pct: null, ...named(half) },
      size: { shortest_edge: 224 },
    },
    'crop_pct',
  ],
  [
    'bicubic floats',
    { image_processor_type: 'DINOv3ViTImageProcessorFast', size: 224, resample: 3, ...named(half) },
    'resample',
  ],
  ['grey images', { preprocess_cfg: { size: 224, mode: 'L' } }, 'mode'],
  ['a longest side', { preprocess_cfg: { size: 224, resize_mode: 'longest' } }, 'resize_mode'],
  [
    'an offset that releases disagree on',
    { do_resize: true, rescale_offset: true, size: { height: 9, width: 9 }, ...named(half) },
    'rescale_factor',
  ],
  [
    'an interpolation that releases disagree on',
    {
      image_processor_type: 'ConvNextImageProcessor',
      size: { shortest_edge: 224 },
      ...named(half),
    },
    'interpolation',
  ],
])('%s is refused by name', async (_, config, field) => {
  await expect(read(config)).rejects.toMatchObject({
    code: 'card-invalid',
    details: { field },
    message: expect.stringContaining('config.json'),
  });
});

test('a crop of more than a square has is refused before a card is written', async () => {
  const size = { height: 224, width: 224 };
  const config = { do_resize: true, size, resample: 2, do_center_crop: true, crop_size: 256 };
  await expect(read({ ...config, ...named(half) })).rejects.toThrow(
    /config\.json.* crop 256 is larger than the 224 pixels after resize/,
  );
});

test('a missing file is one', async () => {
  await expect(readHubConfig(join(root, 'none.json'))).rejects.toMatchObject({
    code: 'file-missing',
  });
});

test('a hostile file is refused with a short sentence, and without reading all of it', async () => {
  const timm = { input_size: [3, 224, 224], ...half };
  const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
  const long = 'x'.repeat(500_000);
  const hostile: [unknown, string][] = [
    [`{"pretrained_cfg":{"input_size":[3,224,224],"crop_mode":${deep}}}`, 'crop_mode'],
    [`{"pretrained_cfg":{"input_size":${deep}}}`, 'input_size'],
    [{ pretrained_cfg: { ...timm, crop_mode: long } }, 'crop_mode'],
    [{ pretrained_cfg: { ...timm, mean: Array(100_000).fill(0) } }, 'mean'],
    [{ [long]: 1, [`${long}2`]: 2 }, 'its keys'],
    [{ pretrained_cfg: { ...timm, crop_pct: 1e-300 } }, 'crop_pct'],
    [{ pretrained_cfg: { ...timm, crop_pct: 1000 } }, 'crop_pct'],
    [{ pretrained_cfg: { ...timm, std: [0, 0, 0] } }, 'std'],
    [{ ...named(half), size: 224, rescale_factor: 1e308 }, 'rescale_factor'],
  ];
  for (const [config, field] of hostile) {
    const error = await read(config).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'card-invalid', details: { field } });
    expect(error.message.length).toBeLessThan(root.length + 500);
  }
  // It never ends.
  await expect(readHubConfig('/dev/zero')).rejects.toMatchObject({ code: 'card-invalid' });
});

test('what the card leaves out, and a processor that is not known, are named', async () => {
  const size = { height: 224, width: 224 };
  const common = { do_resize: true, size, resample: 2, ...named(half) };
  const { notes } = await read({
    ...{ image_processor_type: 'LayoutLMv2ImageProcessor', ...common },
    ...{ apply_ocr: true, tesseract_config: '', do_warp: 3, do_pad: false },
  });
  expect(notes).toEqual([
    '"LayoutLMv2ImageProcessor" is no image processor that ventral knows: its keys were read as those of ViT and CLIP',
    expect.stringMatching(/^the card leaves out "apply_ocr", "tesseract_config", "do_warp":/),
  ]);
  expect((await read({ image_processor_type: 'ViTImageProcessor', ...common })).notes).toEqual([]);
  const fast = await read({ image_processor_type: 'ViTImageProcessorFast', ...common });
  expect(fast.notes).toEqual([
    expect.stringMatching(/resizes tensors by torchvision: .* by 1 or 2/),
  ]);
});

test.each([
  ['resnet50', 'a1_in1k', { family: 'resnet', training_data: ['imagenet-1k'] }],
  [
    'tf_efficientnet_b1',
    'ns_jft_in1k',
    { family: 'efficientnet', training_data: ['jft-300m', 'imagenet-1k'] },
  ],
  ['convnextv2_tiny', 'fcmae', { family: 'convnextv2' }],
  ['vit_base_patch16_224', 7, { family: 'vit' }],
  [undefined, 'toString', {}],
])('timm’s %s with weights %s says what they are', async (architecture, tag, expected) => {
  const cfg = { input_size: [3, 224, 224], tag, license: 'apache-2.0' };
  const { input, facts } = await read({ architecture, pretrained_cfg: cfg });
  expect(facts).toEqual({ ...expected, licence: 'apache-2.0' });
  const text = cardTemplate('net', { input, ...(facts && { facts }) });
  expect(parseCard(text.replaceAll('NAME', 'layer'), 'net.yaml')).toMatchObject({
    ...expected,
    licence: 'apache-2.0',
  });
  for (const license of ['a,b', 'unknown', 'x'.repeat(99), 5])
    expect((await read({ pretrained_cfg: { ...cfg, license } })).facts).not.toHaveProperty(
      'licence',
    );
});
