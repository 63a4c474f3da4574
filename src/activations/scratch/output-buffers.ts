import type { Session, Tensor, TensorData } from '../../runtime/session.js';
import type { ActivationStore } from './activation-store.js';
import { bytesView, wholePages } from './scratch-file.js';

/** What becomes of a value that is wanted. */
export type Keeper = Pick<ActivationStore, 'takes' | 'placeOf'>;

/**
 * The tensors that a pass writes into. Every batch has the shapes of the first. What is kept in memory the runtime
 * writes there at once. Of what goes to scratch two sets of tensors serve in turn, so that one can be written while the
 * runtime fills the other; each tensor starts on a page of memory and has its last page to itself, as scratch files like it.
 */
export class OutputBuffers {
  readonly #values: readonly string[];
  readonly #sets: (Record<string, Tensor> | undefined)[] = [undefined, undefined];
  #turn = 0;
  /** Tensors of values that the runtime writes in place. */
  #inPlace: readonly (readonly [string, Keeper, Pick<Tensor, 'dtype' | 'dims'>])[] = [];
  /** The tensors of the last run. */
  #filled: Record<string, Tensor> | undefined;

  constructor(values: readonly string[]) {
    this.#values = values;
  }

  /**
   * Runs the network on the batch that starts at row `first` into the tensors whose turn it is; into the runtime's own
   * memory if there are none that fit.
   */
  async run(session: Session, feeds: Readonly<Record<string, Tensor>>, first: number) {
    this.#turn = 1 - this.#turn;
    this.#filled = this.#tensorsFor(first);
    try {
      // The runtime fills the given tensors and returns copies; one that is an input it leaves as it is.
      if (this.#filled) {
        await session.run(feeds, this.#filled);
        copyInto(inputsAmong(this.#filled, feeds), feeds);
      }
    } catch {
      // A width that depends on the images is seen in the shapes; what else goes wrong does so again.
      this.#filled = undefined;
    }
    return this.#filled ?? session.run(feeds, this.#values);
  }

  #tensorsFor(first: number): Record<string, Tensor> | undefined {
    const set = this.#sets[this.#turn];
    if (!set) return undefined;
    const tensors = { ...set };
    for (const [value, keeper, shape] of this.#inPlace) {
      const data = keeper.placeOf(first);
      if (!data) return undefined;
      tensors[value] = { ...shape, data };
    }
    return tensors;
  }

  /** The wanted tensors of the run before, which stand until the run after the next. */
  keep(made: Record<string, Tensor>, wanted: ReadonlyMap<string, Keeper>): Record<string, Tensor> {
    const kept = [...wanted].map(([value, keeper]) => ({ value, keeper, tensor: made[value] }));
    const isInPlace = ({ keeper, tensor }: (typeof kept)[number]) => keeper.takes(tensor.dtype);
    this.#inPlace = kept
      .filter(isInPlace)
      .map(({ value, keeper, tensor: { dtype, dims } }) => [value, keeper, { dtype, dims }]);
    const others = kept
      .filter((each) => !isInPlace(each))
      .map(({ value, tensor }) => [value, tensor] as const);
    const filled = made === this.#filled;
    const own = filled ? Object.fromEntries(others) : onPages(others);
    if (!filled) copyInto(own, made);
    this.#sets[this.#turn] = own;
    this.#sets[1 - this.#turn] ??= onPages(others);
    return { ...made, ...own };
  }
}

const inputsAmong = (
  tensors: Readonly<Record<string, Tensor>>,
  feeds: Readonly<Record<string, Tensor>>,
): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(tensors).filter(([name]) => Object.hasOwn(feeds, name)));

function copyInto(
  own: Readonly<Record<string, Tensor>>,
  made: Readonly<Record<string, Tensor>>,
): void {
  for (const [value, { data }] of Object.entries(own))
    bytesView(data as Numbers).set(bytesView(made[value].data as Numbers));
}

type Numbers = Exclude<TensorData, readonly string[]>;

/** Tensors of the same shapes, which hold numbers as no others are kept, in memory of their own. */
function onPages(tensors: readonly (readonly [string, Tensor])[]): Record<string, Tensor> {
  const all = tensors.map(([value, { dtype, dims, data }]) => {
    const numbers = data as Numbers;
    return { value, dtype, dims, numbers, bytes: wholePages(numbers.byteLength) };
  });
  const buffer = pageMemory(all.reduce((sum, { bytes }) => sum + bytes, 0));
  let at = 0;
  return Object.fromEntries(
    all.map(({ value, dtype, dims, numbers, bytes }) => {
      const data = new (numbers.constructor as NumbersConstructor)(buffer, at, numbers.length);
      at += bytes;
      return [value, { dtype, dims, data }];
    }),
  );
}

type NumbersConstructor = new (buffer: ArrayBuffer, from: number, length: number) => Numbers;

/** Bytes of one page of WebAssembly's, and pages that one memory may have. */
const WASM_PAGE = 65_536;
const MOST_PAGES = 65_536;

/** The part of WebAssembly that is used here; @types/node leaves it to the types of browsers. */
declare namespace WebAssembly {
  class Memory {
    constructor(size: { readonly initial: number; readonly maximum: number });
    readonly buffer: ArrayBuffer;
  }
}

/** Zeroed memory, page-aligned where possible: JavaScript arrays may start anywhere. */
function pageMemory(bytes: number): ArrayBuffer {
  const pages = Math.ceil(bytes / WASM_PAGE);
  if (pages > MOST_PAGES) return new ArrayBuffer(bytes);
  return new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer;
}
