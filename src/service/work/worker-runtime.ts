import { cpus } from 'node:os';
import { runtimeIdentity } from '../../runtime/session.js';

/** The environment that a worker's numbers depend on: runtime, threads and processor. */
export const workerRuntime = (threads: number) => ({
  ...runtimeIdentity(threads),
  processor: cpus()[0]?.model ?? process.arch,
});
