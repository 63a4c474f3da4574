import { expect, test } from 'vitest';
import { cueMatch } from '../../../src/metrics/behaviour/cue-match.js';
import { oracle } from '../../oracle.js';
import { tolerances } from '../../tolerances.js';
import { expectClose } from '../close.js';

const { cases } = oracle('17-behaviour/hermann2020.json');

test.each(Array.from({ length: cases.length }, (_, i) => [cases[i].name, i] as const))(
  'shape and texture match and shape bias: %s',
  (_, i) => {
    const { stimuli, choices, result } = cases[i];
    const [shape, texture] = [stimuli.original_image_category, stimuli.conflict_image_category];
    const bias = cueMatch({ choices }, { column: shape, against: texture }, true);
    const shapeMatch = cueMatch({ choices }, { column: shape, against: texture });
    const textureMatch = cueMatch({ choices }, { column: texture, against: shape });
    const of = (name: string) => result[`Hermann2020cueconflict-${name}`];
    const close = (found: number, wanted: number | string) =>
      expectClose([found], [Number(wanted)], tolerances.kinds.float64);
    close(bias.value, of('shape_bias').score);
    expect(bias).toMatchObject({ errorKind: 'none', error: Number.NaN });
    close(shapeMatch.value, of('shape_match').score);
    close(shapeMatch.error, of('shape_match').error);
    close(textureMatch.value, of('texture_match').score);
    close(textureMatch.error, of('texture_match').error);
  },
);

test('stimuli whose cues agree say nothing', () => {
  expect(() => cueMatch({ choices: ['a'] }, { column: ['a'], against: ['a'] })).toThrow(
    expect.objectContaining({ code: 'stimuli-mismatch' }),
  );
});
