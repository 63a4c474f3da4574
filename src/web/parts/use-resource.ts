import { type Inputs, useCallback, useEffect, useState } from 'preact/hooks';

/** What a page knows of something that the service holds. */
export interface Resource<T> {
  /** The last answer, kept while the next is loading. */
  readonly data: T | undefined;
  readonly error: Error | undefined;
  readonly loading: boolean;
  /** Whether `data` answers the inputs of now, not those before. */
  readonly current: boolean;
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
  const [state, setState] = useState<
    Pick<Resource<T>, 'data' | 'error' | 'loading'> & { readonly of: Inputs | undefined }
  >({ data: undefined, error: undefined, loading: true, of: undefined });
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((count) => count + 1), []);
  useEffect(() => {
    const ending = new AbortController();
    setState((before) => ({ ...before, loading: true }));
    load(ending.signal).then(
      (data) =>
        ending.signal.aborted || setState({ data, error: undefined, loading: false, of: inputs }),
      (error) =>
        ending.signal.aborted || setState({ data: undefined, error, loading: false, of: inputs }),
    );
    return () => ending.abort();
  }, [...inputs, round]);
  const { of, ...known } = state;
  const current = of?.every((each, i) => Object.is(each, inputs[i])) ?? false;
  return { ...known, current, reload };
}
