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
    // The error itself keeps no such character; what the command adds is made visible here.
    `${String.raw`ventral: a⟨U+000D⟩b: m.onnx: found \u001b[2J\u0000x\u202e, not\u009b1m y`}\n`,
  );
  expect(errorText(error, { verbose: true })).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
});

test('sentences of several lines keep them', () => {
  const error = new VentralError('card-missing', 'no card:\n\nname: x\n');
  expect(errorText(error, { verbose: false })).toBe('ventral: no card:\n\nname: x\n');
});
