import { createCipheriv, createHash } from 'node:crypto';

/**
 * Weights for a network whose real ones are not available: uniform, the same for a name on every
 * machine, and made at the speed of AES, since every command builds the network again. The stream is
 * AES-256 in counter mode under the SHA-256 of the name, from counter 0; each four bytes are a signed
 * little-endian integer i, and the weight is √(3 · variance) · i / 2³¹ rounded to float32.
 */
export class RandomWeights {
  readonly #stream;

  constructor(name: string) {
    const key = createHash('sha256').update(name).digest();
    this.#stream = createCipheriv('aes-256-ctr', key, new Uint8Array(16));
  }

  /** The next `count` weights, of mean 0 and the given variance. */
  next(count: number, variance: number): Float32Array {
    const weights = new Float32Array(count);
    const bytes = new Uint8Array(weights.buffer);
    bytes.set(this.#stream.update(bytes));
    const integers = new Int32Array(weights.buffer);
    const scale = Math.sqrt(3 * variance) / 2 ** 31;
    for (let i = 0; i < count; i++) weights[i] = integers[i] * scale;
    return weights;
  }
}
