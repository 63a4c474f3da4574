import type { ProviderChoice } from '../../runtime/provider.js';
import { serveParent } from '../child/serve-parent.js';
import type { TrialTask } from './try-runtime.js';

serveParent<TrialTask | ProviderChoice>(async () => async (task) => {
  if ('provider' in task) {
    const { offeredProviders } = await import('../../activations/provider/choose-provider.js');
    return offeredProviders(task);
  }
  const { tryRuntime } = await import('./try-runtime.js');
  return tryRuntime(task);
});
