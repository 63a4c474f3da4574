import { type Inputs, useCallback, useState } from 'preact/hooks';
import { useResource } from '../../parts/use-resource.js';

interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string | null;
}

/** A list that the service gives in pages. */
export interface List<T> {
  readonly items: readonly T[];
  readonly error: Error | undefined;
  readonly loading: boolean;
  /** Shows the next page too; undefined on the last one. */
  readonly more: (() => void) | undefined;
  readonly reload: () => void;
}

/**
 * The pages of a list that have been asked for, again whenever `inputs` change.
 * @param load gives a page; the cursor is that of the page before
 */
export function useList<T>(
  load: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>,
  inputs: Inputs,
): List<T> {
  const [pages, setPages] = useState(1);
  const { data, error, loading, reload } = useResource(
    async (signal) => {
      const items: T[] = [];
      let next: string | null | undefined;
      for (let page = 0; page < pages && next !== null; page++) {
        const loaded = await load(next, signal);
        items.push(...loaded.items);
        next = loaded.next ?? null;
      }
      return { items, next };
    },
    [...inputs, pages],
  );
  const more = useCallback(() => setPages((count) => count + 1), []);
  return { items: data?.items ?? [], error, loading, more: data?.next ? more : undefined, reload };
}
