import type { ContentCache } from '../../activations/cache/content-cache.js';
import { peakRssMiB } from '../../runtime/peak-memory.js';
import type { JobUsage } from './job-task.js';

/** What this process took so far. */
export const usageOf = ({ lookups: { hits, misses } }: ContentCache): JobUsage => ({
  peakRssMiB: peakRssMiB(),
  cacheHits: hits,
  cacheMisses: misses,
});
