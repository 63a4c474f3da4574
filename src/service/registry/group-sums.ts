import { present } from '../../formats/present.js';
import type { ComparedFamily } from '../../numerics/statistics/compared-family.js';
import { averagedDraws } from '../../scoring/draws/averaged-draws.js';
import { freedomOf } from '../../scoring/draws/drawn-units.js';
import { decodeDraws } from '../../scoring/draws/encode-draws.js';
import {
  type ComparedFamilies,
  type GroupedDraws,
  type ModelGroups,
  modelGroups,
} from '../../scoring/draws/model-groups.js';
import { sizesOf } from '../../scoring/draws/score-draws.js';

/** A score that enters a value of a model, with its draws as they are stored. */
export interface StoredPart {
  readonly benchmark: string;
  readonly version: number;
  readonly weight: number;
  /** Of what was drawn and from which data. */
  readonly digest: string;
  readonly bytes: Uint8Array;
}

/** What the draws of one value are made of. */
export interface StoredRow {
  /** Digest of the scores that enter, and of how. */
  readonly key: string;
  /** An average, or a benchmark's own score. */
  readonly average: boolean;
  /** undefined where a score that enters has no draws. */
  readonly parts: readonly StoredPart[] | undefined;
}

/** A model under a column; its draws are those of the row of this key. */
export interface KeyedModel {
  readonly id: string;
  readonly value: number;
  readonly se: number | null;
  readonly key: string;
}

/** Bytes of sums that are kept: those of ten columns of a thousand models. */
const KEPT_BYTES = 128 * 2 ** 20;
/** Bytes of compared families that are kept: those of four columns of a thousand models. */
const FAMILY_BYTES = 192 * 2 ** 20;

/**
 * Draws of models under columns, summed from stored ones, and the comparisons of their pairs. A score that is new changes one
 * row: the other rows are not read, summed or compared with each other again.
 */
export class GroupSums {
  /** By key of the row; those used last stand last. */
  readonly #rows = new Map<string, GroupedDraws | undefined>();
  readonly #families: ComparedFamilies = new Map();
  #bytes = 0;

  /** Which of the rows are not there. */
  lacking(keys: readonly string[]): string[] {
    return keys.filter((key) => !this.#rows.has(key));
  }

  /** Decodes and sums. */
  add(rows: readonly StoredRow[]): void {
    for (const row of rows) if (!this.#rows.has(row.key)) this.#keep(row.key, summed(row));
  }

  /** The groups of models; undefined where the row of one is not there. */
  groups(models: readonly KeyedModel[]): ModelGroups | undefined {
    if (this.lacking(models.map(({ key }) => key)).length > 0) return undefined;
    const grouped = models.map(({ id, value, se, key }) => {
      const draws = this.#rows.get(key);
      this.#rows.delete(key);
      this.#rows.set(key, draws);
      return { id, value, se, ...present({ draws }) };
    });
    const groups = modelGroups(grouped, this.#families);
    this.#forget();
    return groups;
  }

  #keep(key: string, draws: GroupedDraws | undefined): void {
    this.#bytes += bytesOf(draws);
    this.#rows.set(key, draws);
    for (const [oldest, of] of this.#rows) {
      if (this.#bytes <= KEPT_BYTES) break;
      this.#rows.delete(oldest);
      this.#bytes -= bytesOf(of);
    }
  }

  /** Families compared longest ago go first. */
  #forget(): void {
    const size = () =>
      [...this.#families.values()].reduce((sum, each) => sum + familyBytes(each), 0);
    for (const name of [...this.#families.keys()]) {
      if (size() <= FAMILY_BYTES) break;
      this.#families.delete(name);
    }
  }
}

/** About what an entry takes. */
const bytesOf = (draws: GroupedDraws | undefined) =>
  500 + (draws ? 4 * draws.both.length * (draws.first ? 3 : 1) + draws.key.length : 0);

/** Squares of pairs: three of statistics, and one of each factor. */
const familyBytes = ({ pairs: { models, drawn } }: ComparedFamily) =>
  8 * models ** 2 * (3 + drawn.length);

function summed({ average, parts }: StoredRow): GroupedDraws | undefined {
  const decoded = parts?.flatMap(({ bytes, ...part }) => {
    const draws = decodeDraws(bytes);
    return draws ? [{ ...part, draws }] : [];
  });
  if (!parts || !decoded || decoded.length < parts.length) return undefined;
  if (average) return averagedDraws(decoded);
  const [only] = decoded;
  if (!only) return undefined;
  const { units, both, first, second } = only.draws;
  return {
    key: only.digest,
    both,
    ...present({ first, second }),
    sizes: sizesOf(units),
    degrees: Math.min(...units.map(freedomOf)),
  };
}
