import { createHash } from 'node:crypto';
import { VentralError } from '../../errors/ventral-error.js';
import { nonFinite } from '../../numerics/algebra/non-finite.js';
import { elementTypeName } from '../../onnx/element-type.js';
import type { TensorInfo } from '../../onnx/graph.js';
import type { Elements } from '../../onnx/graph-builder.js';
import { setMetadata } from '../../onnx/metadata.js';
import { type Model, readModel } from '../../onnx/model.js';
import { replaceInitializers } from '../../onnx/prepare/replace-initializers.js';
import { tensorElements } from '../../onnx/tensor-elements.js';

/** Metadata key with the sources of an averaged file. */
const AVERAGE_KEY = 'ventral.average';

/** A network that enters an average. */
export interface Member {
  /** As it is called in messages. */
  readonly name: string;
  /** `sha256:…` of its bytes. */
  readonly digest: string;
  readonly model: Model;
}

/**
 * A uniform soup (Wortsman et al. 2022): the mean of every floating-point initializer, batch-norm statistics
 * among them, summed in float64 in the order of the members and rounded once. Everything else is the first
 * member's, byte for byte. One member is held in memory at a time, beside the sums.
 * @returns ONNX bytes; the digests of the members are in the metadata
 * @throws VentralError `models-differ` where a graph is not the first's, naming what differs; `bad-usage`
 * for fewer than two; `training-unsupported` for weights that are neither float32 nor float64
 */
export async function averageModels(members: AsyncIterable<Member>): Promise<Uint8Array> {
  let soup: Soup | undefined;
  for await (const member of members) {
    soup ??= new Soup(member);
    soup.add(member);
  }
  if (!soup || soup.count < 2)
    throw new VentralError(
      'bad-usage',
      `An average needs at least two networks, found ${soup?.count ?? 0}`,
    );
  return soup.mean();
}

const isWeights = ({ elementType }: TensorInfo) => /float/.test(elementTypeName(elementType) ?? '');

class Soup {
  readonly #first: Member;
  readonly #skeleton: ReadonlyMap<string, string>;
  readonly #sums: ReadonlyMap<string, Float64Array>;
  readonly #digests: string[] = [];

  constructor(first: Member) {
    this.#first = first;
    this.#skeleton = skeletonOf(first.model);
    const weights = first.model.graph.initializers.filter(isWeights);
    this.#sums = new Map(
      weights.map((tensor) => {
        if (!['float32', 'float64'].includes(elementTypeName(tensor.elementType) as string))
          throw unsupported(first, tensor);
        return [tensor.name, new Float64Array(tensor.dims.reduce((a, b) => a * b, 1))] as const;
      }),
    );
  }

  get count(): number {
    return this.#digests.length;
  }

  add(member: Member): void {
    const other = skeletonOf(member.model);
    for (const key of new Set([...this.#skeleton.keys(), ...other.keys()])) {
      if (this.#skeleton.get(key) !== other.get(key)) throw differs(this.#first, member, key);
    }
    this.#digests.push(member.digest);
    for (const tensor of member.model.graph.initializers) {
      const sum = this.#sums.get(tensor.name);
      if (!sum) continue;
      const elements = tensorElements(tensor) as Float32Array | Float64Array;
      const unfit = nonFinite(elements);
      if (unfit) throw notFinite(member, tensor, elements[unfit.first]);
      for (let i = 0; i < sum.length; i++) sum[i] += elements[i];
    }
  }

  mean(): Uint8Array {
    const { model, name } = this.#first;
    const values = new Map<string, Elements>();
    for (const tensor of model.graph.initializers) {
      const sum = this.#sums.get(tensor.name);
      if (!sum) continue;
      const mean = sum.map((value) => value / this.count);
      const double = elementTypeName(tensor.elementType) === 'float64';
      values.set(tensor.name, double ? mean : Float32Array.from(mean));
    }
    const averaged = readModel(replaceInitializers(model, values), name);
    const members = JSON.stringify({ kind: 'uniform', members: this.#digests });
    const marked = setMetadata(averaged, AVERAGE_KEY, members);
    return Buffer.concat(marked.records.map(({ raw }) => raw));
  }
}

const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Everything of a graph but its weights: by a name that a message can give, the digest of its bytes. */
function skeletonOf({ graph, opsets }: Model): ReadonlyMap<string, string> {
  const named = (tensor: TensorInfo) =>
    isWeights(tensor) ? `${tensor.elementType} [${tensor.dims.join(', ')}]` : sha(tensor.bytes);
  return new Map([
    ...[...opsets].map(
      ([domain, version]) => [`operator set ${domain || 'ai.onnx'}`, String(version)] as const,
    ),
    ...graph.nodes.map((node, i) => [`node ${node.name || i}`, sha(node.record.payload)] as const),
    ...graph.initializers.map((tensor) => [`initializer ${tensor.name}`, named(tensor)] as const),
    ...graph.inputs.map(({ name, bytes }) => [`input ${name}`, sha(bytes)] as const),
    ...graph.outputs.map(({ name, bytes }) => [`output ${name}`, sha(bytes)] as const),
  ]);
}

const differs = (first: Member, member: Member, what: string) =>
  new VentralError(
    'models-differ',
    `${member.name} is not the network of ${first.name}: ${what} differs, and only checkpoints of one network can be averaged`,
    { file: member.name, field: what },
  );

const unsupported = ({ name }: Member, tensor: TensorInfo) =>
  new VentralError(
    'training-unsupported',
    `${name}: ${tensor.name} is ${elementTypeName(tensor.elementType)}, and float32 or float64 can be averaged`,
    { file: name, field: tensor.name },
  );

const notFinite = ({ name }: Member, tensor: TensorInfo, found: number) =>
  new VentralError('onnx-invalid', `${name}: ${tensor.name} holds ${found}`, {
    file: name,
    field: tensor.name,
  });
