import { type Inputs, useCallback, useEffect, useState } from 'preact/hooks';

/** What a page knows of something that the service holds. */
export interface Resource<T> {
  /** The last answer, kept while the next is loading. */
  readonly data: T | undefined;
  readonly error: Error | undefined;
  readonly loading: boolean;
  readonly reload: () => void;
}

/**
 * Asks the service, again whenever `inputs` change; an answer that comes late is not taken for a newer one.
 * @param load one call or several; it should end when the signal says so
 */
export function useResource<T>(
  load: (signal: AbortSignal) => Promise<T>,
  inputs: Inputs,
): Resource<T> {
  const [state, setState] = useState<Omit<Resource<T>, 'reload'>>({
    data: undefined,
    error: undefined,
    loading: true,
  });
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((count) => count + 1), []);
  useEffect(() => {
    const ending = new AbortController();
    setState((before) => ({ ...before, loading: true }));
    load(ending.signal).then(
      (data) => ending.signal.aborted || setState({ data, error: undefined, loading: false }),
      (error) => ending.signal.aborted || setState({ data: undefined, error, loading: false }),
    );
    return () => ending.abort();
  }, [...inputs, round]);
  return { ...state, reload };
}
