import type { LayerMap } from '../map/layer-map-types.js';
import { choiceRemark, type Score } from '../measure/score.js';
import type { ScoreOutcome } from '../model/score-model.js';

/** A value in a table of differences; objects and lists are summarised. */
export type ShownValue = string | number | boolean | null;

/** A field that is not as it was. */
export interface Difference {
  /** Path of the field, `raw.splits[3]`; empty for the whole. */
  readonly field: string;
  readonly expected: ShownValue;
  readonly found: ShownValue;
}

/** Subject of the pair that has a layer map without its cells. */
export const MAP = 'the map';

/** A result as it was and as it is now. */
export interface ResultPair {
  /** Benchmark, and in a layer map the layer. */
  readonly about: string;
  readonly expected: unknown;
  readonly found: unknown;
  /** A warning of the score says that the rank of the features was exhausted. */
  readonly exhausted: boolean;
  /** Differences that do not depend on inputs: the display name, `verified`, how a map chose the layer. */
  readonly notes: readonly string[];
}

/** Every field in which two JSON values differ; numbers are equal where all of their bits are. */
export function differences(expected: unknown, found: unknown, field = ''): Difference[] {
  if (isTree(expected) && isTree(found) && Array.isArray(expected) === Array.isArray(found)) {
    const keys = new Set([...Object.keys(expected), ...Object.keys(found)]);
    return [...keys].flatMap((key) =>
      differences(own(expected, key), own(found, key), pathOf(field, key, expected)),
    );
  }
  if (expected === found) return [];
  return [{ field, expected: shown(expected), found: shown(found) }];
}

type Tree = Readonly<Record<string, unknown>>;

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null;
const own = (tree: Tree, key: string) => (Object.hasOwn(tree, key) ? tree[key] : undefined);

function pathOf(field: string, key: string, parent: Tree): string {
  if (Array.isArray(parent)) return `${field}[${key}]`;
  return field === '' ? key : `${field}.${key}`;
}

function shown(value: unknown): ShownValue {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return isTree(value) ? 'an object' : (value as ShownValue);
}

/** Scores by benchmark, each with the one of the same place now, or with the reason why there is none. */
export function scorePairs(expected: readonly Score[], found: ScoreOutcome): ResultPair[] {
  const left = [...found.scores];
  const why = (benchmark: string) =>
    found.failures.find((failure) => failure.benchmark === benchmark) ?? found.failures[0];
  return expected.map((score) => {
    const { benchmark } = score;
    const place = left.findIndex((other) => other.benchmark === benchmark);
    const remark = choiceRemark(score);
    const notes = remark === '' ? [] : [`${benchmark}: ${remark}`];
    if (place >= 0) {
      const pair = scorePair(benchmark, score, left.splice(place, 1)[0]);
      return { ...pair, notes: [...pair.notes, ...notes] };
    }
    const found = { score: why(benchmark)?.error.message ?? 'none' };
    const expected = { score: 'a score' };
    return { ...scorePair(benchmark, score, undefined), expected, found, notes };
  });
}

type Cell = Score | { readonly reason: string };

function scorePair(about: string, expected: Cell, found: Cell | undefined): ResultPair {
  const warnings = 'warnings' in expected ? expected.warnings : [];
  const drawn = !drawnEarlier(expected);
  return {
    about,
    expected: decided(expected, drawn),
    found: found && decided(found, drawn),
    exhausted: warnings.some(({ code }) => code === 'rank-exhausted'),
    notes: notesOn(expected, found),
  };
}

function notesOn(expected: Cell, found: Cell | undefined): string[] {
  if (!('provenance' in expected) || !found || !('provenance' in found)) return [];
  const notes: string[] = [];
  if (drawnEarlier(expected) && expected.ci !== null)
    notes.push(
      `${expected.benchmark}: its interval was drawn by an earlier version in another way and is not compared`,
    );
  if (expected.name !== found.name)
    notes.push(`the display name changed from ${expected.name} to ${found.name}`);
  if (expected.verified !== found.verified)
    notes.push(
      `${expected.benchmark}: verified changed from ${expected.verified} to ${found.verified}`,
    );
  return notes;
}

/** Whether a score is of a version that drew its interval in another way, and did not say what it speaks of. */
const drawnEarlier = (cell: Cell): boolean =>
  'provenance' in cell && cell.generalises === undefined;

/**
 * The fields of a score that its inputs determine: not the display name, `verified` or times.
 * @param drawn with its interval
 */
function decided(cell: Cell, drawn: boolean): unknown {
  if (!('provenance' in cell)) return asJson(cell);
  const { name, verified, provenance, warnings, ci, generalises, ...others } = cell;
  const { metric, inputs } = provenance;
  return asJson({
    ...others,
    ...(drawn ? { ci, generalises } : {}),
    warnings: warnings.filter((each) => !isNotice(each)),
    metric,
    inputs,
  });
}

/** A remark on card, benchmark or layer follows from the inputs, and older versions did not make it. */
const isNotice = ({ code }: Score['warnings'][number]) =>
  /^(?:card|benchmark|layer|provider)-/.test(code);

/** As it comes back from a file: without undefined values, and with 0 for −0. */
const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** The cells of a map, the held-out scores, and the choices. */
export function mapPairs(expected: LayerMap, found: LayerMap): ResultPair[] {
  const rows = new Map(found.layers.map((row) => [row.layer, row]));
  const cells = expected.layers.flatMap((row) =>
    Object.entries(row.cells).map(([benchmark, cell]) =>
      scorePair(`${benchmark} ${row.layer}`, cell, rows.get(row.layer)?.cells[benchmark]),
    ),
  );
  const reduced = expected.layers.flatMap((row) =>
    Object.entries(row.components ?? {}).map(([benchmark, cell]) =>
      scorePair(
        `${benchmark} ${row.layer} on components`,
        cell,
        rows.get(row.layer)?.components?.[benchmark],
      ),
    ),
  );
  const heldOut = Object.entries(expected.holdout ?? {}).map(([benchmark, cell]) =>
    scorePair(`${benchmark} held out`, cell, found.holdout?.[benchmark]),
  );
  const nested = Object.entries(expected.nested ?? {}).map(([benchmark, cell]) =>
    nestedPair(`${benchmark} nested`, cell, found.nested?.[benchmark]),
  );
  const whole = {
    about: MAP,
    expected: frameOf(expected),
    found: frameOf(found),
    exhausted: false,
    notes: [],
  };
  return [...cells, ...reduced, ...heldOut, ...nested, whole];
}

type NestedCell = NonNullable<LayerMap['nested']>[string];

const nestedPair = (
  about: string,
  expected: NestedCell,
  found: NestedCell | undefined,
): ResultPair => ({
  about,
  expected: asJson(withoutNotices(expected)),
  found: found && asJson(withoutNotices(found)),
  exhausted: false,
  notes: [],
});

const withoutNotices = (cell: NestedCell) =>
  'reason' in cell ? cell : { ...cell, warnings: cell.warnings.filter((each) => !isNotice(each)) };

/** A map without its cells and its cost. */
function frameOf({
  model,
  benchmarks,
  layers,
  chosen,
  holdout,
  nested,
  components,
  provenance,
}: LayerMap): unknown {
  const rows = layers.map(({ cells, components: reduced, ...row }) => ({
    ...row,
    cells: Object.keys(cells),
    ...(reduced ? { components: Object.keys(reduced) } : {}),
  }));
  const heldOut = Object.keys(holdout ?? {});
  const { inputs } = provenance;
  // The record of a choice depends only on `inputs`; older maps do not have it.
  const choices = Object.fromEntries(
    Object.entries(chosen).map(([id, { layer, tied, choice }]) => [id, { layer, tied, choice }]),
  );
  const frame = { model, benchmarks, layers: rows, chosen: choices, holdout: heldOut, inputs };
  return asJson({
    ...frame,
    ...(nested ? { nested: Object.keys(nested) } : {}),
    ...(components ? { components } : {}),
  });
}
