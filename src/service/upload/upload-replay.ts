import { rm } from 'node:fs/promises';
import type { Response } from 'express';
import type { StoredAnswer } from '../../store/records/idempotency-store.js';
import { earlierAnswer, replay } from '../http/idempotency.js';
import type { ReceivedModel } from './upload.js';

/**
 * Compares an upload with the one before under the same Idempotency-Key, by the digest of its file and
 * its other parts.
 * @throws VentralError `idempotency-mismatch`; then, and where it is answered, the file is removed
 * @returns whether it is answered
 */
export async function replayed(
  response: Response,
  { file, fields }: ReceivedModel,
): Promise<boolean> {
  let earlier: StoredAnswer | undefined;
  try {
    const asked = { file: file.digest, fields: Object.fromEntries(fields) };
    earlier = await earlierAnswer(response, asked);
    if (!earlier) return false;
  } catch (error) {
    await rm(file.path, { force: true });
    throw error;
  }
  await rm(file.path, { force: true });
  replay(response, earlier);
  return true;
}
