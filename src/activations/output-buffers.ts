import type { Session, Tensor, TensorData } from '../runtime/session.js';
import { bytesView, wholePages } from './scratch-file.js';

/**
 * The tensors that a pass writes into. Every batch has the shapes of the first: two sets of tensors serve in
 * turn, so that one can be written to scratch while the runtime fills the other. Each tensor begins on a page
 * of memory and has its last page to itself, as scratch files like it.
 */
export class OutputBuffers {
  readonly #values: readonly string[];
  readonly #sets: (Record<string, Tensor> | undefined)[] = [undefined, undefined];
  #turn = 0;

  constructor(values: readonly string[]) {
    this.#values = values;
  }

  /** Runs the network into the set whose turn it is; into the runtime's own memory where there is none that fits. */
  async run(session: Session, feeds: Readonly<Record<string, Tensor>>) {
    this.#turn = 1 - this.#turn;
    const set = this.#sets[this.#turn];
    if (!set) return session.run(feeds, this.#values);
    try {
      // The runtime fills what it is given, and gives back copies.
      await session.run(feeds, set);
      return set;
    } catch {
      // A width that depends on the pictures is seen in the shapes; what else goes wrong does so again.
      return session.run(feeds, this.#values);
    }
  }

  /** The wanted tensors of the run before, which stand until the run after the next. */
  keep(made: Record<string, Tensor>, wanted: ReadonlyMap<string, unknown>): Record<string, Tensor> {
    const kept = [...wanted.keys()].map((value) => [value, made[value]] as const);
    const filled = made === this.#sets[this.#turn];
    const own = filled ? Object.fromEntries(kept) : onPages(kept);
    if (!filled) copyInto(own, made);
    this.#sets[this.#turn] = own;
    this.#sets[1 - this.#turn] ??= onPages(kept);
    return own;
  }
}

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

/** Zeroed memory, from a page on where it can be: JavaScript's own arrays begin anywhere. */
function pageMemory(bytes: number): ArrayBuffer {
  const pages = Math.ceil(bytes / WASM_PAGE);
  if (pages > MOST_PAGES) return new ArrayBuffer(bytes);
  return new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer;
}
