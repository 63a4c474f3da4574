import { VentralError } from '../../errors/ventral-error.js';

/**
 * The classes of a set whose labels are numbers: those given, or '0' to the largest label.
 * @param nameOf what to call an example in the error
 * @throws VentralError `training-data-invalid` for a label beyond the classes that were given
 */
export function classesOfLabels(
  labels: Int32Array,
  given: readonly string[] | undefined,
  nameOf: (index: number) => string,
): readonly string[] {
  const largest = labels.reduce((most, label) => Math.max(most, label), 0);
  if (!given) return Array.from({ length: largest + 1 }, (_, label) => String(label));
  const wrong = labels.findIndex((label) => label >= given.length);
  if (wrong === -1) return given;
  const file = nameOf(wrong);
  const [expected, found] = [`a label from 0 to ${given.length - 1}`, String(labels[wrong])];
  throw new VentralError(
    'training-data-invalid',
    `${file} has label ${found}, and ${given.length} classes are given`,
    { file, field: 'label', expected, found },
  );
}
