import { randomBytes } from 'node:crypto';

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/** A new identifier, `mdl_`, `ftr_`, `upl_`, `bmk_`, `job_`, `key_`, `aud_` or `dlv_` and 80 random bits in Crockford's base 32. */
export function newId(
  prefix: 'mdl' | 'ftr' | 'upl' | 'bmk' | 'job' | 'key' | 'aud' | 'dlv',
): string {
  return `${prefix}_${[...randomBytes(16)].map((byte) => alphabet[byte % 32]).join('')}`;
}
