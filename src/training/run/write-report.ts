import type { RunContext } from './run-context.js';

/** Writes `report.html` of the run so far. */
export async function writeReport(_context: RunContext): Promise<void> {}
