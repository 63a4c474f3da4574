import { VentralError } from '../../errors/ventral-error.js';

/**
 * A signal that SIGINT and SIGTERM set off; a second SIGINT ends the process immediately, with status 130.
 */
export function interruption(): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new VentralError('interrupted', 'Interrupted'));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return {
    signal: controller.signal,
    release() {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
    },
  };
}
