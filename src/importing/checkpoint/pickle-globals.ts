import { basename, extname } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import {
  InertObject,
  PickleDict,
  PickleGlobal,
  type PickleValue,
  TensorReference,
  type UnreadDtype,
} from '../pickle/pickle-values.js';
import type { StoredDtype } from '../source/checkpoint.js';
import {
  type CheckpointPlace,
  refuseCheckpoint,
  refuseUnsafe,
  shortened,
} from '../source/checkpoint-fault.js';
import { printable } from '../source/printable.js';
import { encodedText, NumpyArray, numpyType } from '../tensor/numpy-array.js';
import { rebuildTensor } from '../tensor/rebuild-tensor.js';

/**
 * The names that a checkpoint may use, and what each means here. They are those that `torch.save` (0.3 to 2.x)
 * writes for tensors, and those of plain values that training scripts, `timm` and `robustness` put beside them.
 */

type Meaning = PickleGlobal['meaning'];

const storageClasses: Record<string, StoredDtype | UnreadDtype | 'bytes'> = {
  DoubleStorage: 'float64',
  FloatStorage: 'float32',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  LongStorage: 'int64',
  IntStorage: 'int32',
  ShortStorage: 'int16',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
  ComplexFloatStorage: 'complex64',
  ComplexDoubleStorage: 'complex128',
  QInt8Storage: 'qint8',
  QUInt8Storage: 'quint8',
  QInt32Storage: 'qint32',
  UntypedStorage: 'bytes',
};

const dtypes: Record<string, StoredDtype> = {
  float64: 'float64',
  double: 'float64',
  float32: 'float32',
  float: 'float32',
  float16: 'float16',
  half: 'float16',
  bfloat16: 'bfloat16',
  int64: 'int64',
  long: 'int64',
  int32: 'int32',
  int: 'int32',
  int16: 'int16',
  short: 'int16',
  int8: 'int8',
  uint8: 'uint8',
  bool: 'bool',
};

/** `torch.dtype`s that are known and not read: complex, quantized, unsigned beyond a byte, eight-bit floats. */
const unreadDtype =
  /^torch\.(complex\d+|chalf|cfloat|cdouble|q?u?int\d+(x\d)?|float8_\w+|float4_\w+|bits\w+)$/;

/** Values that are let be: whatever is built from them is only known by name. */
const inert = [
  ...['set', 'frozenset', 'list', 'tuple', 'dict', 'int', 'float', 'complex', 'bool', 'str'],
  ...['bytearray', 'object', 'slice', 'range'],
].map((name) => `builtins.${name}`);
inert.push(
  ...['torch.device', 'torch.Tensor', 'torch.serialization._get_layout'],
  ...['argparse.Namespace', 'collections.Counter', 'types.SimpleNamespace'],
  ...['PurePosixPath', 'PosixPath', 'PureWindowsPath', 'WindowsPath'].map(
    (name) => `pathlib.${name}`,
  ),
  ...['datetime', 'date', 'timedelta'].map((name) => `datetime.${name}`),
  ...['numpy._core.multiarray.scalar', 'numpy.ndarray'],
  ...['dill._dill._load_type', 'dill._dill._create_array'],
);

/** Number types of numpy, and layouts, memory formats and quantization schemes of PyTorch: mere names. */
const mereName =
  /^(numpy\.(bool_?|u?int\d+|float\d+|complex\d+|dtypes\.\w+DType)|torch\.(strided|sparse_\w+|\w+_format|channels_last(_3d)?|per_(tensor|channel)_\w+))$/;

const letBe = (name: string): Meaning => ({ build: () => new InertObject(name) });

/** Modules that were called otherwise once. */
const renamed: readonly (readonly [RegExp, string])[] = [
  [/^__builtin__$/, 'builtins'],
  [/^copy_reg$/, 'copyreg'],
  [/^numpy\.core\b/, 'numpy._core'],
  [/^torch\.tensor$/, 'torch._tensor'],
  [/^dill\.dill$/, 'dill._dill'],
  [/^pathlib\._local$/, 'pathlib'],
];

/** Where classes of whole networks come from. */
const modulesOfNetworks =
  /^(torch\.nn|torchvision|timm|robustness|efficientnet_pytorch|models?|__main__)(\.|$)/;

/** What saves the weights of a whole module that is trusted, in Python. */
function saveWeights(file: string): string {
  const [name, base] = [basename(file), basename(file, extname(file))];
  const [from, to] = [name, `${base}-weights.pth`].map((each) =>
    JSON.stringify(printable(shortened(each))),
  );
  return `save only the weights: torch.save(torch.load(${from}, map_location="cpu", weights_only=False).state_dict(), ${to})`;
}

/**
 * The meaning of a name in the pickle of `file`.
 * @param place position in the file
 */
export function findGlobal(
  file: string,
  module: string,
  name: string,
  place: string,
): PickleGlobal {
  const now = renamed.reduce((text, [old, today]) => text.replace(old, today), module);
  const full = `${now}.${name}`;
  const meaning = meaningOf(full);
  if (meaning !== undefined) return new PickleGlobal(full, meaning);
  const asked = shortened(`${module}.${name}`);
  if (modulesOfNetworks.test(module)) {
    return refuseUnsafe(
      { file, field: place },
      `it holds a whole pickled module (${asked}), which is code, not only its weights`,
      `Where that code is, ${saveWeights(file)}`,
    );
  }
  return refuseUnsafe(
    { file, field: place },
    `it needs ${asked}, which no state dict uses`,
    `If you trust the file and it is a module, ${saveWeights(file)}`,
  );
}

function meaningOf(name: string): Meaning | undefined {
  const storage = /^torch(?:\.storage|\.cuda)?\.(\w+)$/.exec(name)?.[1];
  if (storage !== undefined && Object.hasOwn(storageClasses, storage)) {
    return { dtype: storageClasses[storage], isStorage: true };
  }
  const dtype = /^torch\.(\w+)$/.exec(name)?.[1];
  if (dtype !== undefined && Object.hasOwn(dtypes, dtype)) return { dtype: dtypes[dtype] };
  if (unreadDtype.test(name)) return { dtype: name as UnreadDtype };
  if (inert.includes(name) || mereName.test(name)) return letBe(name);
  return builders.get(name);
}

const tensorOf = (value: PickleValue | undefined, place: CheckpointPlace): TensorReference =>
  value instanceof TensorReference ? value : refuseCheckpoint(place, 'a tensor', 'something else');

const sizesOf = (value: PickleValue | undefined, place: CheckpointPlace): PickleValue[] =>
  Array.isArray(value) ? value : refuseCheckpoint(place, 'sizes', 'something else');

/** An OrderedDict from nothing, or from pairs as Python 2 wrote it. */
function dictOf(pairs: PickleValue | undefined, place: CheckpointPlace): PickleDict {
  const dict = new PickleDict();
  if (pairs === undefined) return dict;
  if (pairs instanceof PickleDict) return pairs;
  if (!Array.isArray(pairs)) refuseCheckpoint(place, 'pairs of key and value', 'something else');
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2) {
      refuseCheckpoint(place, 'pairs of key and value', 'something else');
    }
    dict.set(pair[0], pair[1]);
  }
  return dict;
}

/** An object of a class, as protocols 0 and 1 write it; nothing is left of it but the class's name. */
function plainObject([type]: readonly PickleValue[], place: CheckpointPlace): InertObject {
  if (!(type instanceof PickleGlobal)) refuseCheckpoint(place, 'a class', 'something else');
  return new InertObject(type.name);
}

/** A tensor of a subclass, such as a parameter: function, class, arguments, state. */
function subclassed(
  [rebuild, , args]: readonly PickleValue[],
  place: CheckpointPlace,
): TensorReference {
  const isTensor =
    rebuild instanceof PickleGlobal && /^torch\._utils\._rebuild_/.test(rebuild.name);
  if (!isTensor || !Array.isArray(args)) {
    refuseCheckpoint(place, 'a tensor to be rebuilt', 'something else');
  }
  return tensorOf(rebuild.meaning.build?.(args, place), place);
}

const parameter: Meaning = { build: ([data], place) => tensorOf(data, place) };

/** @throws VentralError `import-unsupported` for tensors that are no plain arrays */
const unread = (what: string): Meaning => ({
  build: (_, place) => {
    const message = `${place.file}, ${place.field}: it has ${what}, which is not supported`;
    throw new VentralError('import-unsupported', message, { ...place, found: what });
  },
});

/** The names from which something is made. */
const builders: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ['collections.OrderedDict', { build: ([pairs], place) => dictOf(pairs, place) }],
  ['collections.defaultdict', { build: () => new PickleDict() }],
  ['copyreg._reconstructor', { build: plainObject }],
  ['numpy.dtype', { build: numpyType }],
  ['numpy._core.multiarray._reconstruct', { build: () => new NumpyArray() }],
  ['numpy._core.numeric._frombuffer', { build: NumpyArray.ofBuffer }],
  ['_codecs.encode', { build: encodedText }],
  // Protocol 2 has no sign for bytes: empty ones are a call.
  [
    'builtins.bytes',
    { build: ([content]) => (content instanceof Uint8Array ? content : Buffer.alloc(0)) },
  ],
  ['torch.Size', { build: ([sizes], place) => sizesOf(sizes, place) }],
  ['torch._utils._rebuild_tensor', { build: rebuildTensor }],
  ['torch._utils._rebuild_tensor_v2', { build: rebuildTensor }],
  ['torch._utils._rebuild_tensor_v3', { build: rebuildTensor }],
  ['torch._utils._rebuild_parameter', parameter],
  ['torch._utils._rebuild_parameter_with_state', parameter],
  ['torch.nn.parameter.Parameter', parameter],
  ['torch._tensor._rebuild_from_type_v2', { build: subclassed }],
  ['torch._utils._rebuild_qtensor', unread('a quantized tensor')],
  ['torch._utils._rebuild_sparse_tensor', unread('a sparse tensor')],
  ['torch._utils._rebuild_sparse_csr_tensor', unread('a sparse tensor')],
  ['torch._utils._rebuild_nested_tensor', unread('a nested tensor')],
  ['torch._utils._rebuild_meta_tensor_no_storage', unread('a tensor without values')],
  ['torch._utils._rebuild_wrapper_subclass', unread('a tensor of a subclass')],
  ['torch._utils._rebuild_device_tensor_from_numpy', unread('a tensor of another device')],
  ['torch._utils._rebuild_device_tensor_from_cpu_tensor', unread('a tensor of another device')],
]);
