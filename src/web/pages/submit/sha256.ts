/** The round constants: fractional parts of the cube roots of the first 64 primes (FIPS 180-4 §4.2.2). */
const ROUNDS = /* @__PURE__ */ fractions(64, Math.cbrt);
/** What a digest starts with: fractional parts of the square roots of the first 8 primes (§5.3.3). */
const START = /* @__PURE__ */ fractions(8, Math.sqrt);
const BLOCK = 64;

function fractions(count: number, root: (prime: number) => number): Int32Array {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++)
    if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return Int32Array.from(primes, (prime) => ((root(prime) % 1) * 2 ** 32) | 0);
}

/**
 * SHA-256 of bytes that come in pieces. The browser's own wants a file whole in memory, and is there for
 * pages that came encrypted or from this machine alone.
 */
class Sha256 {
  readonly #state = START.slice();
  readonly #words = new Int32Array(BLOCK);
  readonly #rest = new Uint8Array(BLOCK);
  #length = 0;

  update(bytes: Uint8Array): void {
    const held = this.#length % BLOCK;
    this.#length += bytes.length;
    let at = 0;
    if (held > 0) {
      at = Math.min(BLOCK - held, bytes.length);
      this.#rest.set(bytes.subarray(0, at), held);
      if (held + at < BLOCK) return;
      this.#take(this.#rest, 0);
    }
    for (; at + BLOCK <= bytes.length; at += BLOCK) this.#take(bytes, at);
    this.#rest.set(bytes.subarray(at));
  }

  /** The digest of all that came, in hexadecimal; nothing may come after it. */
  digest(): string {
    const length = this.#length;
    const padding = new Uint8Array(BLOCK + ((BLOCK + 55 - (length % BLOCK)) % BLOCK) + 9 - BLOCK);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.length - 8, Math.floor(length / 2 ** 29));
    view.setUint32(padding.length - 4, (length * 8) >>> 0);
    this.update(padding);
    return [...this.#state].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  }

  /** One block (§6.2.2). */
  #take(bytes: Uint8Array, at: number): void {
    const w = this.#words;
    const state = this.#state;
    for (let t = 0; t < 16; t++) {
      const i = at + 4 * t;
      w[t] = (bytes[i] << 24) | (bytes[i + 1] << 16) | (bytes[i + 2] << 8) | bytes[i + 3];
    }
    for (let t = 16; t < 64; t++) {
      const x = w[t - 15];
      const y = w[t - 2];
      const low = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const high = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[t] = ((w[t - 16] + low) | 0) + ((w[t - 7] + high) | 0);
    }
    // One by one: taking an array apart costs more than the arithmetic.
    let a = state[0];
    let b = state[1];
    let c = state[2];
    let d = state[3];
    let e = state[4];
    let f = state[5];
    let g = state[6];
    let h = state[7];
    for (let t = 0; t < 64; t++) {
      const high = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const one = (((h + high) | 0) + (((e & f) ^ (~e & g)) + ((ROUNDS[t] + w[t]) | 0))) | 0;
      const low = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const two = (low + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + one) | 0;
      d = c;
      c = b;
      b = a;
      a = (one + two) | 0;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  }
}

/** Read at once: the page stays alive in between. */
const PIECE = 2 ** 22;

/**
 * The digest of a file, as the service names it.
 * @param progress called with the bytes read
 * @throws what reading the file throws, and an AbortError where the signal ends it
 */
export async function fileDigest(
  file: Blob,
  progress: (read: number) => void,
  signal: AbortSignal,
): Promise<string> {
  const hash = new Sha256();
  for (let at = 0; at < file.size; at += PIECE) {
    hash.update(new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer()));
    signal.throwIfAborted();
    progress(Math.min(at + PIECE, file.size));
  }
  return `sha256:${hash.digest()}`;
}
