/**
 * The median, interpolated between values by how many copies they have: a value stands in the middle of its copies. Without
 * copies it is the median. Written plainly, by sorting; what it is compared with counts copies.
 */
export function interpolatedMedianOf(given: Float64Array): number {
  const values = given.toSorted();
  const n = values.length;
  if (n === 0) return Number.NaN;
  const value = values[(n - 1) >> 1];
  const own = placeOf(values, value);
  if (own === n / 2) return value;
  const next =
    own < n / 2 ? values.find((other) => other > value) : values.findLast((other) => other < value);
  if (next === undefined) return value;
  return value + ((next - value) * (n / 2 - own)) / (placeOf(values, next) - own);
}

/** Where the middle of the copies of a value stands among all. */
const placeOf = (values: Float64Array, value: number): number =>
  values.filter((other) => other < value).length +
  values.filter((other) => other === value).length / 2;
