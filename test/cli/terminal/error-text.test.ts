import { expect, test } from 'vitest';
import { errorText } from '../../../src/cli/terminal/error-text.js';
import { VentralError } from '../../../src/errors/ventral-error.js';

test('names out of a file cannot move the cursor of the terminal that shows them', () => {
  const error = new VentralError(
    'onnx-invalid',
    'm.onnx: found \u001b[2J\u0000x\u202e, not\u009b1m y',
  );
  const text = errorText(error, { verbose: false, about: 'a\rb' });
  expect(text).toBe(
    'ventral: a⟨U+000D⟩b: m.onnx: found ⟨U+001B⟩[2J⟨U+0000⟩x⟨U+202E⟩, not⟨U+009B⟩1m y\n',
  );
  expect(errorText(error, { verbose: true })).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
});

test('sentences of several lines keep them', () => {
  const error = new VentralError('card-missing', 'no card:\n\nname: x\n');
  expect(errorText(error, { verbose: false })).toBe('ventral: no card:\n\nname: x\n');
});
