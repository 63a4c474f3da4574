/**
 * Every tolerance that a test may use, once, with its reason (test/fixtures/oracle/README.md,
 * "Tolerances"). A test never writes a number of its own.
 */
export const tolerances = {
  /** Random streams, index sets, ids, orders, pixels, iteration counts: bits. */
  exact: 0,
  /** PLS fit, predictions, r and scores on float64 features; ridge, rdm, cka; i2n; float64 ceilings. */
  float64: 1e-9,
  /** PLS on float32 features where the rounding inside predict is not modelled (Gram form). */
  float32: { prediction: 1e-6, r: 1e-7, score: 1e-8 },
  /** float32 recordings averaged in float64: single r, then ceilings and raw scores. */
  float32Recordings: { r: 1e-6, ceiling: 1e-6, score: 1e-7 },
  /** Read-out: a converged solver against the default's early stop (probabilities, weights) and against the converged solution. */
  readout: { default: 2e-4, converged: 1e-8, score: 1e-4, weights: 1e-3 },
  /** Normalised float32 tensors against the float64 formula. */
  tensor: 1e-6,
  /** What hooks of PyTorch record against the same modules on ONNX Runtime, relative to a module's largest value. */
  hooks: 1e-4,
  /** Activations, torch against ONNX Runtime: absolute plus relative to the layer's largest value. */
  activations: { absolute: 1e-4, relative: 1e-4 },
  /**
   * A layer of a shipped network, torch against ONNX Runtime, relative to the layer's standard deviation: float32
   * sums in another order, through up to 115 convolutions; measured 2e-5 at most. A batch norm
   * with PyTorch's epsilon in place of TensorFlow's is 5e-4 away.
   */
  network: 1e-4,
  /** End to end on ONNX Runtime's activations. */
  endToEnd: { score: 1e-4, median: 1e-4, r: 1e-3, behaviour: 2e-4, ceiling: 1e-9 },
  /**
   * Single-neuron properties on ONNX Runtime's activations against the original's: other settings of the runtime moved
   * values by 1e-5 of their size and no score (oracle 12).
   */
  properties: { value: 1e-4, score: 1e-6 },
  /**
   * Statistics of scores (oracle 20): draws, errors and quantiles; variances; shares of draws, which are counts; p of t tests,
   * where a variance of 0 counts as the machine's epsilon and rounding of equal means shows.
   */
  statistics: { draws: 1e-9, variance: 1e-12, share: 1e-12, test: 1e-6 },
  /**
   * The kinds of 2026 (oracle README, 13 to 18): a float64 result; one on float32 features or recordings, in float64 where the
   * original rounds; a ridge fit in float32; a fit whose penalty of 1e-10 interpolates; ranks that rounding ties.
   */
  kinds: {
    float64: 1e-9,
    float32: 1e-6,
    published: 1e-7,
    ridge32: { score: 5e-5, r: 1e-4, prediction: 1e-3 },
    interpolating: 1e-4,
    tied: 1e-4,
    cka32: 1e-5,
    reverse: 1e-8,
    rebinned: 1e-12,
    /** float32 components of the original against float64, relative to the largest projection; then scores on them (oracle 19). */
    components: { projection: 3e-4, score: 1e-5 },
    /** A threshold of 20 to 150 on a fitted curve: optimisers stop within 1e-5 of each other (oracle 17). */
    threshold: 1e-3,
  },
  /** Bootstrapped errors and their draws (oracle 18); equal values leave a deviation of rounding alone. */
  bootstrap: { float64: 1e-12, float32: 1e-7 },
  /**
   * Ridge regression from tiles against the same in memory, relative to the largest prediction: sums of products in another
   * order, and solved with up to 1e5 times that rounding (a penalty of .01 and products near 1e3).
   */
  tiled: 1e-9,
  /** Ceilings that Brain-Score published to five digits. */
  publishedCeiling: 1e-5,
  /** torch resize of a float tensor against the same call in float64. */
  torchResize: 1e-5,
  /** Share among 4,000 independent draws against its probability: four standard errors and more. */
  sampling: 0.03,
  /** Width of an interval of a mean from 1,000 draws against Student's: a standard deviation of so many is 2 to 3 % off. */
  intervalWidth: 0.1,
  /** Draws are kept in float32, and what is made of them follows. */
  drawn: 1e-6,
  /**
   * Raw score on responses shuffled over stimuli (Simulated.V1-pls, gabor-v1): 12 shuffles gave a mean of
   * −0.011 and a standard deviation of 0.022, of which this is four and more.
   */
  shuffledRaw: 0.1,
  /** What a run took on scratch disk against what its plan said. */
  plan: 0.2,
  /** One number by two ways through the same code (command line, feature file, HTTP): the last bits alone. */
  sameNumber: 1e-12,
} as const;
