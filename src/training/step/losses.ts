import type { StaticGraph, Value } from '../graph/static-graph.js';

/** A loss of a batch and its gradient with respect to its input. */
export interface Loss {
  /** One number. */
  readonly loss: Value;
  readonly gradient: Value;
}

/**
 * Cross-entropy with soft targets, −Σ t·log softmax(logits), the mean over the batch (torch's
 * `CrossEntropyLoss` with probabilities).
 * @param logits [batch, classes]
 * @param targets [batch, classes]; rows need not sum to 1
 */
export function crossEntropy(graph: StaticGraph, logits: Value, targets: Value): Loss {
  const [batch] = logits.dims;
  const axis = { axis: { int: 1 } };
  const logarithms = graph.emit('LogSoftmax', [logits], logits.dims, axis);
  const sum = graph.sum(graph.multiply(targets, logarithms), [0, 1]);
  const loss = graph.divide(sum, graph.scalar(-batch));
  const shares = graph.emit('Exp', [logarithms], logits.dims);
  const weights = graph.reshape(graph.sum(targets, [1]), [batch, 1]);
  const difference = graph.subtract(graph.multiply(shares, weights), targets);
  return { loss, gradient: graph.divide(difference, graph.scalar(batch)) };
}

/**
 * The margin by which the target class leads, turned about: Σ over the batch of max over the other classes
 * minus the target (Carlini and Wagner 2017, without a bound). It does not saturate where a network is sure.
 * @param targets [batch, classes], one 1 a row
 */
export function margin(graph: StaticGraph, logits: Value, targets: Value): Loss {
  const far = graph.multiply(targets, graph.scalar(FAR));
  const others = graph.subtract(logits, far);
  const highest = graph.highest(others);
  const own = graph.sum(graph.multiply(logits, targets), [0, 1]);
  const loss = graph.subtract(graph.sum(highest, [0, 1]), own);
  const lower = graph.indicator(graph.emit('Less', [others, highest], logits.dims));
  const at = graph.subtract(graph.scalar(1), lower);
  return { loss, gradient: graph.subtract(at, targets) };
}

/** More than logits ever differ by. */
const FAR = 1e9;
