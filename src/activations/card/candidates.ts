import { VentralError } from '../../errors/ventral-error.js';
import { valueDepths } from '../../onnx/depth.js';
import { expandLayers, type LayerInfo, listLayers } from '../../onnx/layers.js';
import type { Model } from '../../onnx/model.js';
import type { ModelCard } from './card.js';

/** A layer that may stand for a region. */
export interface Candidate {
  readonly layer: string;
  /** The value in the graph; null where it cannot be had. */
  readonly value: string | null;
  /** Other names of the same value. */
  readonly aliases: readonly string[];
  /** Convolutions and matrix products on the longest way from the input; null without a value. */
  readonly depth: number | null;
  /** Why it cannot be had: folded, ambiguous, unknown. */
  readonly reason?: string;
}

type Named = Pick<Candidate, 'layer' | 'value' | 'reason'>;

/**
 * The candidates of a layer map: those of `patterns` (names and globs), else of the card's `layers`, else
 * the graph's own. In order of execution, each value once; those that cannot be had stand last, with the
 * reason.
 * @throws VentralError `layer-unknown` for a pattern that fits nothing; a card's becomes a candidate with a
 *   reason
 */
export function candidateLayers(
  model: Model,
  card: Pick<ModelCard, 'layers'> | undefined,
  patterns?: readonly string[],
): Candidate[] {
  const asked = patterns ?? card?.layers;
  const found = asked
    ? asked.flatMap((pattern) => fitting(model, pattern, patterns !== undefined))
    : ownLayers(model);
  const had = new Map<string, string[]>();
  const missing = new Map<string, Candidate>();
  for (const { layer, value, reason } of found) {
    if (value !== null) had.set(value, [...(had.get(value) ?? []), layer]);
    else missing.set(layer, { layer, value, aliases: [], depth: null, ...(reason && { reason }) });
  }
  const depths = valueDepths(model);
  const order = new Map(model.graph.nodes.flatMap(({ outputs }, i) => outputs.map((v) => [v, i])));
  const at = (value: string) => order.get(value) ?? -1;
  return [
    ...[...had]
      .sort(([a], [b]) => at(a) - at(b))
      .map(([value, names]): Candidate => {
        const [layer, ...others] = new Set(names);
        return { layer, value, aliases: others, depth: depths.get(value) ?? null };
      }),
    ...missing.values(),
  ];
}

function fitting(model: Model, pattern: string, strict: boolean): Named[] {
  try {
    return expandLayers(model, [pattern]).map(({ name, value }) => ({ layer: name, value }));
  } catch (thrown) {
    const error = VentralError.from(thrown);
    if (strict && error.code === 'layer-unknown') throw error;
    return [{ layer: pattern, value: null, reason: error.message }];
  }
}

/**
 * Layers worth asking for where nobody says which: the outputs of blocks (modules that hold others) and of
 * modules that stand in none; in a graph that names no modules, what it declares as outputs, or else what
 * its weighted operators, activations, sums and pools make.
 */
function ownLayers(model: Model): Named[] {
  const layers = listLayers(model);
  // A block whose convolutions were all folded still is one.
  const found = blocks(layers.filter(({ kind }) => kind === 'module')).filter(hasValue);
  if (found.length > 0) return found.map(named);
  const values = layers.filter((layer) => hasValue(layer) && layer.operator !== '');
  const declared = new Set(model.graph.outputs.map(({ name }) => name));
  const outputs = values.filter(({ name }) => declared.has(name));
  return (outputs.length > 2 ? outputs : values.filter(isTelling)).map(named);
}

const hasValue = ({ value }: LayerInfo) => value !== null;
const named = ({ name, value }: LayerInfo): Named => ({ layer: name, value });
const moves = new Set(['Pad', 'Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'Cast', 'Slice']);
const isTelling = ({ operator }: LayerInfo) => !moves.has(operator) && operator !== 'Identity';

/** Of the names of one value the innermost stands first: `layer1.2` rather than `layer1`. */
function blocks(modules: readonly LayerInfo[]): LayerInfo[] {
  const path = ({ name }: LayerInfo) => name.replace(/^module:/, '');
  const paths = modules.map(path);
  const holds = new Set(paths.flatMap((each) => parents(each)));
  const root = commonRoot(paths);
  return modules
    .filter((module) => holds.has(path(module)) || !path(module).slice(root.length).includes('.'))
    .sort((a, b) => path(b).split('.').length - path(a).split('.').length);
}

const parents = (path: string) => path.split('.').map((_, i, parts) => parts.slice(0, i).join('.'));

/** `model.` where every module stands in one called model. */
function commonRoot(paths: readonly string[]): string {
  let root = '';
  for (;;) {
    const inside = paths.filter((path) => path.startsWith(root) && path.length > root.length);
    const heads = new Set(inside.map((path) => path.slice(root.length).split('.')[0]));
    const next = `${root}${[...heads][0]}.`;
    if (heads.size !== 1 || !inside.some((path) => path.startsWith(next))) return root;
    root = next;
  }
}
