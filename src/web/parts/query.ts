import { useCallback, useMemo } from 'preact/hooks';
import { useLocation } from 'preact-iso';

/**
 * The query of the address, in which a page keeps its whole view, so that an address shared shows the same.
 * The second value changes it in place: `null` takes a name out, a list stands several times.
 */
export function useQuery() {
  const { url, path, route } = useLocation();
  const search = url.includes('?') ? url.slice(url.indexOf('?')) : '';
  const query = useMemo(() => new URLSearchParams(search), [search]);
  const change = useCallback(
    (values: Readonly<Record<string, string | readonly string[] | null>>) => {
      const next = new URLSearchParams(search);
      for (const [name, value] of Object.entries(values)) {
        next.delete(name);
        for (const one of value === null ? [] : [value].flat()) next.append(name, one);
      }
      const text = next.toString();
      route(text === '' ? path : `${path}?${text}`, true);
    },
    [search, path, route],
  );
  return [query, change] as const;
}

/** Changes the query of the address; see {@link useQuery}. */
export type ChangeQuery = ReturnType<typeof useQuery>[1];
