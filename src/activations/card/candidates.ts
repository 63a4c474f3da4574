import { VentralError } from '../../errors/ventral-error.js';
import { expandLayers, type LayerInfo, listLayers, type Selection } from '../../onnx/layers.js';
import type { Model } from '../../onnx/model.js';
import { valueDepths } from '../../onnx/modules.js';
import { channelLayout } from '../../onnx/tokens/channel-layout.js';
import type { ModelCard } from './card.js';

/** A candidate layer for a region. */
export interface Candidate {
  readonly layer: string;
  /** The value in the graph; null if it is not available. */
  readonly value: string | null;
  /** What of the value is taken, if not all. */
  readonly selection?: Selection;
  /** Other names of the same value. */
  readonly aliases: readonly string[];
  /** Convolutions and matrix products on the longest way from the input; null without a value. */
  readonly depth: number | null;
  /** Why it is not available: folded, ambiguous, unknown. */
  readonly reason?: string;
}

type Named = Pick<Candidate, 'layer' | 'value' | 'selection' | 'reason'>;

/**
 * The candidates of a layer map: those of `patterns` (names and globs), else of the card's `layers`, else
 * the graph's own. In order of execution, each value once; unavailable candidates are listed last, with the
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
  const had = new Map<string, Named & { readonly value: string; readonly names: string[] }>();
  const missing = new Map<string, Candidate>();
  for (const { layer, value, selection, reason } of found) {
    if (value !== null) {
      const key = JSON.stringify([value, selection]);
      const same = had.get(key) ?? { layer, value, ...(selection && { selection }), names: [] };
      same.names.push(layer);
      had.set(key, same);
    } else
      missing.set(layer, { layer, value, aliases: [], depth: null, ...(reason && { reason }) });
  }
  const depths = valueDepths(model);
  const order = new Map(model.graph.nodes.flatMap(({ outputs }, i) => outputs.map((v) => [v, i])));
  const at = (value: string) => order.get(value) ?? -1;
  return [
    ...[...had.values()]
      .sort((a, b) => at(a.value) - at(b.value))
      .map(({ value, selection, names }): Candidate => {
        const [layer, ...others] = new Set(names);
        const depth = depths.get(value) ?? null;
        return { layer, value, ...(selection && { selection }), aliases: others, depth };
      }),
    ...missing.values(),
  ];
}

/**
 * The candidates of a layer map as a person meets them: {@link candidateLayers}, and where nobody named any the
 * outputs that the graph declares, each value once, in order of execution. Which values are computed with fused operators depends on
 * the former alone, so that no number of a layer moves.
 */
export function mapCandidates(
  model: Model,
  card: Pick<ModelCard, 'layers'> | undefined,
  patterns?: readonly string[],
): Candidate[] {
  const found = candidateLayers(model, card, patterns);
  if (patterns ?? card?.layers) return found;
  const had = new Set(found.map(({ value }) => value));
  const made = new Map(model.graph.nodes.flatMap(({ outputs }, i) => outputs.map((v) => [v, i])));
  const depths = valueDepths(model);
  const offered = new Set(listLayers(model).map(({ value }) => value));
  const outputs = model.graph.outputs
    .map(({ name }) => name)
    .filter((name) => made.has(name) && !had.has(name) && offered.has(name));
  const added = [...new Set(outputs)].map(
    (name): Candidate => ({
      layer: name,
      value: name,
      aliases: [],
      depth: depths.get(name) ?? null,
    }),
  );
  const at = ({ value }: Candidate) => made.get(value ?? '') ?? (value === null ? made.size : -1);
  return [...found, ...added].sort((a, b) => at(a) - at(b));
}

/**
 * Candidates with the pooled forms of those that are whole maps of channels, each after its own.
 * @param isMap whether a value has more places than one, in rows and columns
 */
export function withPools(
  model: Model,
  candidates: readonly Candidate[],
  pools: readonly Selection[],
  isMap: (value: string) => boolean,
): Candidate[] {
  const had = new Set(candidates.map(({ layer }) => layer));
  return candidates.flatMap((candidate) => {
    const { layer, value, selection, depth } = candidate;
    if (value === null || selection || !isMap(value) || !channelLayout(model, value))
      return [candidate];
    const pooled = pools
      .map((pool) => ({ layer: `${layer}@${pool}`, value, selection: pool, aliases: [], depth }))
      .filter((each) => !had.has(each.layer));
    return [candidate, ...pooled];
  });
}

function fitting(model: Model, pattern: string, strict: boolean): Named[] {
  try {
    return expandLayers(model, [pattern]).map(({ name, value, selection }) => ({
      layer: name,
      value,
      ...(selection && { selection }),
    }));
  } catch (thrown) {
    const error = VentralError.from(thrown);
    if (strict && error.code === 'layer-unknown') throw error;
    return [{ layer: pattern, value: null, reason: error.message }];
  }
}

/**
 * Default candidates: the outputs of blocks (modules that contain others) and of modules outside blocks; in a
 * graph without module names, its declared outputs, or else the outputs of weighted operators, activations, sums
 * and pools.
 */
function ownLayers(model: Model): Named[] {
  const layers = listLayers(model).filter(
    ({ kind, name, needs }) => needs === undefined && !(kind === 'module' && name.includes('#')),
  );
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

/** Among the names of one value the innermost is first: `layer1.2` rather than `layer1`. */
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

/** `model.` if every module is inside one named model. */
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
