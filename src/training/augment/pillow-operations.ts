import type { Raster } from '../../screen/picture.js';

/** Operations of Pillow 11 (ImageOps, ImageEnhance, Image.rotate and transform) on 8-bit RGB. Parity: bit for bit. */

type Change = (picture: Raster) => Raster;

const withData = (picture: Raster, data: Uint8Array): Raster => ({ ...picture, data });

/** Maps each channel through its table, 3 × 256. */
function throughTables(picture: Raster, tables: Uint8Array): Raster {
  const { data } = picture;
  const out = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += 3) {
    out[i] = tables[data[i]];
    out[i + 1] = tables[256 + data[i + 1]];
    out[i + 2] = tables[512 + data[i + 2]];
  }
  return withData(picture, out);
}

/** Every channel through the same function of a value, clipped to 8 bits. */
function throughFunction(picture: Raster, change: (value: number) => number): Raster {
  const table = Uint8ClampedArray.from({ length: 768 }, (_, i) => change(i % 256));
  return throughTables(picture, new Uint8Array(table.buffer));
}

/** Tables that are made from the histogram of each channel. */
function byHistogram(
  picture: Raster,
  fill: (table: Uint8Array, histogram: Uint32Array) => void,
): Raster {
  const histograms = new Uint32Array(768);
  const { data } = picture;
  for (let i = 0; i < data.length; i += 3) {
    histograms[data[i]]++;
    histograms[256 + data[i + 1]]++;
    histograms[512 + data[i + 2]]++;
  }
  const tables = Uint8Array.from({ length: 768 }, (_, i) => i % 256);
  for (let from = 0; from < 768; from += 256)
    fill(tables.subarray(from, from + 256), histograms.subarray(from, from + 256));
  return throughTables(picture, tables);
}

const clip = (value: number) => (value < 0 ? 0 : value > 255 ? 255 : Math.trunc(value));

/** `ImageOps.autocontrast`: the darkest value to 0, the lightest to 255. */
export const autocontrast: Change = (picture) =>
  byHistogram(picture, (table, histogram) => {
    const low = histogram.findIndex((count) => count > 0);
    const high = histogram.findLastIndex((count) => count > 0);
    if (high <= low) return;
    const scale = 255 / (high - low);
    for (let value = 0; value < 256; value++) table[value] = clip(value * scale + -low * scale);
  });

/** `ImageOps.equalize`: values as equally frequent as their order allows. */
export const equalize: Change = (picture) =>
  byHistogram(picture, (table, histogram) => {
    const total = histogram.reduce((sum, count) => sum + count, 0);
    const last = histogram[histogram.findLastIndex((count) => count > 0)];
    const step = Math.floor((total - last) / 255);
    if (step === 0) return;
    let below = Math.floor(step / 2);
    for (let value = 0; value < 256; value++) {
      table[value] = clip(Math.floor(below / step));
      below += histogram[value];
    }
  });

/** `ImageOps.posterize`: keeps that many of the 8 bits. */
export function posterize(picture: Raster, bits: number): Raster {
  const mask = ~(2 ** (8 - bits) - 1);
  return throughFunction(picture, (value) => value & mask);
}

/** `ImageOps.solarize`: inverts values from the threshold on. */
export function solarize(picture: Raster, threshold: number): Raster {
  return throughFunction(picture, (value) => (value < threshold ? value : 255 - value));
}

/** `Image.transform(size, AFFINE, data, BILINEAR)`: `data` maps result to source; black outside. */
export function affine(picture: Raster, data: readonly number[]): Raster {
  const { width, height, data: source } = picture;
  const [a, b, c, d, e, f] = data;
  const out = new Uint8Array(source.length);
  for (let y = 0, o = 0; y < height; y++) {
    for (let x = 0; x < width; x++, o += 3) {
      const sx = a * (x + 0.5) + b * (y + 0.5) + c;
      const sy = d * (x + 0.5) + e * (y + 0.5) + f;
      if (!(sx >= 0 && sx < width && sy >= 0 && sy < height)) continue;
      const left = Math.floor(sx - 0.5);
      const top = Math.floor(sy - 0.5);
      const [dx, dy] = [sx - 0.5 - left, sy - 0.5 - top];
      const x0 = 3 * Math.max(0, left);
      const x1 = 3 * Math.min(width - 1, left + 1);
      const row0 = 3 * width * Math.max(0, top);
      const row1 = 3 * width * Math.min(height - 1, top + 1);
      for (let k = 0; k < 3; k++) {
        const [v00, v10] = [source[row0 + x0 + k], source[row1 + x0 + k]];
        const upper = v00 + (source[row0 + x1 + k] - v00) * dx;
        const lower = v10 + (source[row1 + x1 + k] - v10) * dx;
        out[o + k] = upper + (lower - upper) * dy;
      }
    }
  }
  return withData(picture, out);
}

/** Rounded to 15 decimals, as the matrix of a rotation is. */
const rounded = (value: number) => Number(value.toFixed(15));

/** `Image.rotate(degrees, BILINEAR)`: counterclockwise about the middle; black outside. */
export function rotate(picture: Raster, degrees: number): Raster {
  if (degrees % 360 === 0) return picture;
  const angle = (-degrees * Math.PI) / 180;
  const [cos, sin] = [rounded(Math.cos(angle)), rounded(Math.sin(angle))];
  const [cx, cy] = [picture.width / 2, picture.height / 2];
  return affine(picture, [
    cos,
    sin,
    cos * -cx + sin * -cy + cx,
    -sin,
    cos,
    -sin * -cx + cos * -cy + cy,
  ]);
}

/** `convert('L')`: ITU-R 601 in 16-bit fixed point. */
function greyOf({ data }: Raster): Uint8Array {
  const out = new Uint8Array(data.length / 3);
  for (let i = 0, from = 0; i < out.length; i++, from += 3)
    out[i] = (data[from] * 19595 + data[from + 1] * 38470 + data[from + 2] * 7471 + 0x8000) >> 16;
  return out;
}

/** `Image.blend(degenerate, picture, factor)` in float32, as `enhance` calls it. */
function blend(picture: Raster, factor: number, degenerate: (i: number) => number): Raster {
  const alpha = Math.fround(factor);
  const { data } = picture;
  const out = new Uint8Array(data.length);
  for (let i = 0; i < out.length; i++) {
    const from = degenerate(i);
    const there = Math.fround(from + Math.fround(alpha * (data[i] - from)));
    out[i] = there <= 0 ? 0 : there >= 255 ? 255 : there;
  }
  return withData(picture, out);
}

/** `ImageEnhance.Color`: from grey (0) over the image (1) on. */
export function color(picture: Raster, factor: number): Raster {
  const grey = greyOf(picture);
  return blend(picture, factor, (i) => grey[Math.floor(i / 3)]);
}

/** `ImageEnhance.Contrast`: from the mean grey on. */
export function contrast(picture: Raster, factor: number): Raster {
  const grey = greyOf(picture);
  const mean = Math.trunc(grey.reduce((sum, value) => sum + value, 0) / grey.length + 0.5);
  return blend(picture, factor, () => mean);
}

/** `ImageEnhance.Brightness`: from black on. */
export function brightness(picture: Raster, factor: number): Raster {
  return blend(picture, factor, () => 0);
}

/** `ImageEnhance.Sharpness`: from `ImageFilter.SMOOTH` on, which leaves the border as it is. */
export function sharpness(picture: Raster, factor: number): Raster {
  const { width, height, data } = picture;
  const smooth = data.slice();
  const row = 3 * width;
  for (let y = 1; y < height - 1; y++) {
    for (let i = y * row + 3; i < (y + 1) * row - 3; i++) {
      let sum = 4 * data[i];
      for (let from = i - row; from <= i + row; from += row)
        sum += data[from - 3] + data[from] + data[from + 3];
      smooth[i] = sum / 13 + 0.5;
    }
  }
  return blend(picture, factor, (i) => smooth[i]);
}
