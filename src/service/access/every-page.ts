/** Follows `next` to the end of a list. */
export async function everyPage<T>(
  page: (cursor: string | null) => Promise<{ items: readonly T[]; next: string | null }>,
): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const found: { items: readonly T[]; next: string | null } = await page(cursor);
    items.push(...found.items);
    cursor = found.next;
  } while (cursor !== null);
  return items;
}
