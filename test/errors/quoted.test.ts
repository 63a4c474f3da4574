import { describe, expect, it } from 'vitest';
import { bounded, quoted, quotedList } from '../../src/errors/quoted.js';
import { VentralError } from '../../src/errors/ventral-error.js';

describe('what a message shows of somebody else', () => {
  it.each([
    ['plain', '"plain"'],
    [5, '5'],
    ['größe 中', '"größe 中"'],
    ['\x1b[2J\r\n', '"\\u001b[2J\\r\\n"'],
    ['\u202eabc\u2028', '"\\u202eabc\\u2028"'],
    ['x'.repeat(61), `"${'x'.repeat(60)}"…`],
    [undefined, '"undefined"'],
  ])('%j', (value, shown) => {
    expect(quoted(value)).toBe(shown);
  });

  it('is three values of many', () => {
    expect(quotedList(['a', 'b', 'c'])).toBe('"a", "b", "c"');
    expect(quotedList(new Set(['a', 'b', 'c', 'd', 'e']))).toBe('"a", "b", "c" and 2 more');
  });

  it('is bounded in every error, its lines kept', () => {
    expect(bounded('one\ntwo\x07', 100)).toBe('one\ntwo\\u0007');
    const found = `\x1b]0;${'y'.repeat(100_000)}`;
    const error = new VentralError('csv-invalid', `file: ${found}`, { found });
    expect(error.message.length).toBeLessThan(17_000);
    expect(error.details.found?.length).toBeLessThan(5000);
    expect(error.message).not.toContain('\x1b');
  });
});
