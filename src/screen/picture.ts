/**
 * A decoded stimulus and the rasters that the resizing files hand on. The mode is Pillow's, since it
 * decides how the original converts an image before a network sees it (spec §5.3).
 */

/** Pillow's name of an image's pixel format, as far as ventral decodes it. */
export type PictureMode = '1' | 'L' | 'LA' | 'P' | 'RGB' | 'RGBA';

/** 8-bit values, row-major and interleaved: pixel (x, y) starts at `(y * width + x) * channels`. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

/** The same in float32, still in the units of 8-bit pixels (0 to 255): what torch resizes. */
export interface FloatRaster {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Float32Array;
}

/**
 * An image as it was stored. `P` already holds the colours of its palette (3 channels), `1` holds
 * 0 and 255 (1 channel), the others have the channels of their name.
 */
export interface Picture extends Raster {
  readonly mode: PictureMode;
}

/** Channels that an image of this mode has in {@link Picture.data}. */
export const channelsOf: Record<PictureMode, number> = {
  '1': 1,
  L: 1,
  LA: 2,
  P: 3,
  RGB: 3,
  RGBA: 4,
};

/** Drops alpha: the grey channel alone of `1`, `L` and `LA`, the three colours of the others. */
export function withoutAlpha({ width, height, channels, data }: Raster): Raster {
  if (channels === 1 || channels === 3) return { width, height, channels, data };
  const kept = channels - 1;
  const pixels = width * height;
  const out = new Uint8Array(pixels * kept);
  for (let i = 0; i < pixels; i++) {
    for (let c = 0; c < kept; c++) out[i * kept + c] = data[i * channels + c];
  }
  return { width, height, channels: kept, data: out };
}

/** Three equal channels from one; a raster of three is handed on as it is. */
export function toThreeChannels<T extends Raster | FloatRaster>(raster: T): T {
  if (raster.channels === 3) return raster;
  const { data } = raster;
  const out =
    data instanceof Uint8Array
      ? new Uint8Array(data.length * 3)
      : new Float32Array(data.length * 3);
  for (let i = 0, o = 0; i < data.length; i++, o += 3) {
    out[o] = out[o + 1] = out[o + 2] = data[i];
  }
  return { ...raster, channels: 3, data: out };
}
