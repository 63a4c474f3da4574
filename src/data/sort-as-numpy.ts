/** Partitions up to this size are sorted by insertion. */
const small = 16;

/**
 * Positions that sort `count` items as numpy's argsort of objects does (introsort: median of three,
 * insertion for small parts). For a total order this is a sort like any other; it matters where
 * comparisons contradict each other, as with NaN among the items (spec §2.4).
 */
export function sortAsNumpy(count: number, compare: (a: number, b: number) => number): number[] {
  const at = Array.from({ length: count }, (_, i) => i);
  const stack: [number, number][] = [];
  let [left, right] = [0, count - 1];
  for (;;) {
    while (right - left > small) {
      const middle = partition(at, left, right, compare);
      // The larger part waits, so that the stack stays short.
      if (middle - left < right - middle) {
        stack.push([middle + 1, right]);
        right = middle - 1;
      } else {
        stack.push([left, middle - 1]);
        left = middle + 1;
      }
    }
    insertionSort(at, left, right, compare);
    const next = stack.pop();
    if (next === undefined) return at;
    [left, right] = next;
  }
}

function swap(at: number[], i: number, j: number): void {
  [at[i], at[j]] = [at[j], at[i]];
}

function partition(
  at: number[],
  left: number,
  right: number,
  compare: (a: number, b: number) => number,
): number {
  const middle = left + ((right - left) >> 1);
  if (compare(at[middle], at[left]) < 0) swap(at, middle, left);
  if (compare(at[right], at[middle]) < 0) swap(at, right, middle);
  if (compare(at[middle], at[left]) < 0) swap(at, middle, left);
  const pivot = at[middle];
  let i = left;
  let j = right - 1;
  swap(at, middle, j);
  for (;;) {
    do i++;
    while (i < right && compare(at[i], pivot) < 0);
    do j--;
    while (j > left && compare(pivot, at[j]) < 0);
    if (i >= j) break;
    swap(at, i, j);
  }
  swap(at, i, right - 1);
  return i;
}

function insertionSort(
  at: number[],
  left: number,
  right: number,
  compare: (a: number, b: number) => number,
): void {
  for (let i = left + 1; i <= right; i++) {
    const item = at[i];
    let j = i;
    while (j > left && compare(item, at[j - 1]) < 0) {
      at[j] = at[j - 1];
      j--;
    }
    at[j] = item;
  }
}
