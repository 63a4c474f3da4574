import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { centerCrop, cropOffset } from '../../src/screen/crop.js';
import { numbers, oracle } from '../oracle.js';
import { noise, raster } from './raster.js';

const { source, cases, offsets } = oracle('10-resize/center_crop.json');
const picture = raster(source);

describe('centerCrop', () => {
  for (let i = 0; i < cases.length; i++) {
    const { crop_h_w, torchvision, torchvision_offset_y_x, floor_offset_y_x, floor } = cases[i];
    const [height, width] = crop_h_w;
    it(`is torchvision's and albumentations' for ${width} × ${height}`, () => {
      const got = centerCrop(picture, width, height, 'torchvision');
      expect([got.height, got.width]).toEqual(crop_h_w);
      expect(Array.from(got.data)).toEqual(Array.from(numbers(torchvision)));
      if (torchvision_offset_y_x) {
        const found = [picture.height, picture.width].map((size, axis) =>
          cropOffset(Math.max(size, crop_h_w[axis]), crop_h_w[axis], 'torchvision'),
        );
        expect(found).toEqual(torchvision_offset_y_x);
      }
      if (!floor) {
        expect(() => centerCrop(picture, width, height, 'albumentations')).toThrowError(
          expect.objectContaining({ code: 'input-mismatch' }),
        );
        return;
      }
      const floored = centerCrop(picture, width, height, 'albumentations');
      expect(Array.from(floored.data)).toEqual(Array.from(numbers(floor)));
      expect([
        cropOffset(picture.height, height, 'albumentations'),
        cropOffset(picture.width, width, 'albumentations'),
      ]).toEqual(floor_offset_y_x);
    });
  }

  it('has the offsets of the table', () => {
    for (let i = 0; i < offsets.length; i++) {
      const { size, crop, torchvision, floor } = offsets[i];
      expect(cropOffset(size, crop, 'torchvision')).toBe(torchvision);
      expect(cropOffset(size, crop, 'albumentations')).toBe(floor);
    }
  });

  it('is undone by nothing but its own size, in 8 bits and in float32', () => {
    const side = fc.integer({ min: 1, max: 20 });
    fc.assert(
      fc.property(side, side, side, side, (w, h, width, height) => {
        const bytes = noise(w, h, 3, w * 21 + h);
        const floats = { ...bytes, data: Float32Array.from(bytes.data) };
        const [a, b] = [
          centerCrop(bytes, width, height, 'torchvision'),
          centerCrop(floats, width, height, 'torchvision'),
        ];
        expect(a.data).toHaveLength(width * height * 3);
        expect(Array.from(b.data)).toEqual(Array.from(a.data));
        expect(centerCrop(a, width, height, 'torchvision')).toBe(a);
      }),
    );
  });
});
