import { type EventEmitter, once } from 'node:events';

/** A wait for a notification. */
export interface Notification {
  /** Resolves at the notification, at the timeout, or when the wait is cancelled. Never rejects. */
  readonly come: Promise<void>;
  /** Cancels the wait. */
  readonly cancel: () => void;
}

/**
 * Waits for one event of an emitter, from this call on, for at most so long or until the signal aborts.
 * `AbortSignal.timeout` will not do: what only `AbortSignal.any` refers to is collected as garbage, and
 * then never fires.
 */
export function nextNotification(
  emitter: EventEmitter,
  event: string,
  milliseconds: number,
  signal?: AbortSignal,
): Notification {
  const enough = new AbortController();
  const cancel = () => enough.abort();
  const timer = setTimeout(cancel, milliseconds);
  signal?.addEventListener('abort', cancel, { once: true });
  if (signal?.aborted) cancel();
  const come = once(emitter, event, { signal: enough.signal })
    .then(
      () => {},
      () => {},
    )
    .finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
    });
  return { come, cancel };
}
