import { cpus } from 'node:os';
import { runtimeIdentity } from '../../runtime/session.js';

/** What the numbers of a worker depend on: the runtime and its threads, and the processor. */
export const workerRuntime = (threads: number) => ({
  ...runtimeIdentity(threads),
  processor: cpus()[0]?.model ?? process.arch,
});
