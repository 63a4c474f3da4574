import { useCallback, useRef, useState } from 'preact/hooks';
import { ProblemError } from '../../client/client.js';

/** The header that makes a repeated request the same one (see `openapi.yaml`). */
export interface OnceHeader {
  readonly 'Idempotency-Key': string;
}

/** A form that starts something. */
export interface SendOnce {
  readonly busy: boolean;
  /** Why the last attempt failed. */
  readonly error: Error | undefined;
  /**
   * Runs unless it runs already, so that a double click is one request.
   * @param work gets the header of a request body: the same one when a lost connection is retried
   */
  readonly once: (work: (headerOf: (body: object) => OnceHeader) => Promise<void>) => Promise<void>;
}

/** The first request under a key is still being answered. */
const IN_FLIGHT = 409;

/** Sends what a form asks for once, however often it is submitted. */
export function useSendOnce(): SendOnce {
  const keys = useRef(new Map<string, string>());
  const last = useRef('');
  // State is read too late: a second click comes before the page is drawn again.
  const sending = useRef(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error>();
  const once = useCallback<SendOnce['once']>(async (work) => {
    if (sending.current) return;
    sending.current = true;
    setBusy(true);
    setError(undefined);
    try {
      await work((body) => {
        last.current = JSON.stringify(body);
        const key = keys.current.get(last.current) ?? newKey();
        keys.current.set(last.current, key);
        return { 'Idempotency-Key': key };
      });
      keys.current.clear();
    } catch (thrown) {
      // A refusal would be repeated under its key, even when its reason is gone; what succeeded before it keeps its key.
      if (thrown instanceof ProblemError && thrown.problem.status !== IN_FLIGHT)
        keys.current.delete(last.current);
      setError(thrown as Error);
    }
    sending.current = false;
    setBusy(false);
  }, []);
  return { busy, error, once };
}

/** `crypto.randomUUID` is there with TLS or on this machine alone. */
const newKey = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
