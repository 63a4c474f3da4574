import type { Answered } from '../../scoring/receipt/write-receipt.js';
import type { GlobalOptions } from './global-options.js';

/** Looks, before the work, whether a receipt can be written where `--receipt` says; see `checkReceiptPath`. */
export async function requireReceiptPath(path: string | undefined): Promise<void> {
  if (path === undefined) return;
  const { checkReceiptPath } = await import('../../scoring/receipt/receipt.js');
  await checkReceiptPath(path);
}

/** Writes the receipt of `--receipt`; none without a score. */
export async function keepReceipt(
  path: string | undefined,
  answered: readonly Answered[],
  context: Pick<GlobalOptions, 'home' | 'threads' | 'maxMemory' | 'maxScratch'>,
): Promise<void> {
  const scored = answered.filter((each) => each.kind === 'map' || each.scores.length > 0);
  if (path === undefined || scored.length === 0) return;
  const { writeReceipt } = await import('../../scoring/receipt/write-receipt.js');
  await writeReceipt(path, scored, context);
}
