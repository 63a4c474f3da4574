import { serveParent } from '../child/serve-parent.js';
import type { UnpackTask } from './unpack-benchmark.js';

serveParent<UnpackTask>(async () => {
  const { unpackBenchmark } = await import('./unpack-benchmark.js');
  return unpackBenchmark;
});
