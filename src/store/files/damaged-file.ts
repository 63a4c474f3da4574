import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { FileKind } from './file-kind.js';

/** A stored file whose bytes are not those of its digest any more. */
export interface FileDamage {
  readonly kind: FileKind;
  /** Under which it is stored. */
  readonly digest: string;
  /** Names in the folder of a benchmark; none if the file itself is damaged. */
  readonly names?: readonly string[];
  /** Earliest time of the damage; null if unknown. */
  readonly since: Date | null;
}

/** Whoever wants to know of damage, and of its repair. */
export interface DamageWatch {
  damaged(damage: FileDamage): Promise<void>;
  repaired(file: Pick<FileDamage, 'kind' | 'digest'>): void;
}

/** `file-damaged`. */
export function damagedFile(
  { kind, digest, names = [] }: Pick<FileDamage, 'kind' | 'digest' | 'names'>,
  cause?: unknown,
): VentralError {
  const which = names.length > 0 ? ` (${names.slice(0, 3).join(', ')})` : '';
  const file = kind === 'model' ? 'file' : 'archive';
  return new VentralError(
    'file-damaged',
    `The stored ${kind} ${digest}${which} is damaged: its contents do not match its digest; upload the same ${file} again, or run ventral fsck --heal`,
    { file: digest, expected: digest, ...present({ cause }) },
  );
}
