/**
 * Whether a value of `condition` is among those that a benchmark leaves out. Numbers match by value
 * (`0`, `0.0` and `"0"` are one, `inf` is infinity), anything else as text: the recorded column is
 * an integer, a float or a string, according to the file.
 */
export function isExcludedCondition(
  condition: string | number,
  excluded: readonly (string | number)[],
): boolean {
  return excluded.some((entry) => {
    const [a, b] = [asNumber(condition), asNumber(entry)];
    return a !== undefined && b !== undefined ? a === b : String(condition) === String(entry);
  });
}

function asNumber(value: string | number): number | undefined {
  if (typeof value === 'number') return value;
  const text = value.trim().toLowerCase();
  if (/^[+]?inf(inity)?$/.test(text)) return Number.POSITIVE_INFINITY;
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : undefined;
}
