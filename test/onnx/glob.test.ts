import picomatch from 'picomatch';
import { describe, expect, it } from 'vitest';
import { globOf } from '../../src/onnx/glob.js';

const names = [
  'a',
  'ab',
  'blocks.1.conv',
  'blocks.10.conv',
  'blocks.1',
  'features.2.bn',
  'x[0]',
  'a-b',
  '.hidden',
  'a{b}',
  'aXb',
];
const globs = [
  '*',
  '**',
  'a*',
  '*b',
  'blocks.*',
  'blocks.?.conv',
  'blocks.[0-9]',
  'blocks.[!2].conv',
  'blocks.[^2].conv',
  '{a,ab}',
  'blocks.{1,10}.*',
  '{blocks,features}.{1,2}*',
  'a[X-]b',
  '*.*.*',
  'a?b',
  '?',
  '*a*',
  'x\\[0\\]',
];

describe('a glob', () => {
  it.each(globs)('%s lets through what picomatch does', (glob) => {
    const theirs = picomatch(glob, { dot: true, nonegate: true });
    const ours = globOf(glob);
    expect(names.filter((name) => ours?.(name))).toEqual(names.filter((name) => theirs(name)));
  });

  it('takes no longer for what nearly fits', () => {
    const name = 'a'.repeat(200);
    for (const glob of ['*a*a*a*a*b', `${'*a'.repeat(99)}*b`, '{a,aa}*{a,aa}*{a,aa}*b', '*?*?*?*b'])
      expect(globOf(glob)?.(name)).toBe(false);
  });

  it.each(['+(a)', '*(*(a))b', '(a+)+b', 'a'.repeat(201), '{a,b}'.repeat(7)])(
    '%s is none',
    (glob) => expect(globOf(glob)).toBeUndefined(),
  );
});
