import type { StaticGraph, Value } from '../graph/static-graph.js';
import { slice } from '../operators/arrangements.js';
import { crossEntropy, type Loss } from './losses.js';

/** Clean images, and two mixtures of each. */
export const VIEWS = 3;
/** Weight of the divergence beside the cross-entropy. */
const WEIGHT = 12;
const [LOWEST, HIGHEST] = [1e-7, 1];

/**
 * AugMix's loss (Hendrycks et al. 2020, google-research/augmix): cross-entropy of the clean images, plus 12
 * times the Jensen-Shannon divergence of the three views, (Σᵥ KL(pᵥ‖M))/3 with M their mean, clamped to
 * [1e-7, 1]; both are means over the images.
 * @param logits [3 · batch, classes]: all clean images, all of the first mixture, all of the second
 * @param targets [batch, classes]
 */
export function consistency(graph: StaticGraph, logits: Value, targets: Value): Loss {
  const [rows, classes] = logits.dims;
  const batch = rows / VIEWS;
  const clean = crossEntropy(graph, slice(graph, logits, 0, [0, batch]), targets);
  const views = graph.reshape(logits, [VIEWS, batch, classes]);
  const axis = { axis: { int: 2 } };
  const logarithms = graph.emit('LogSoftmax', [views], views.dims, axis);
  const shares = graph.emit('Exp', [logarithms], views.dims);
  const mean = graph.divide(graph.sum(shares, [0]), graph.scalar(VIEWS));
  const bounds = [graph.scalar(LOWEST), graph.scalar(HIGHEST)];
  const clamped = graph.emit('Clip', [mean, ...bounds], mean.dims);
  const distance = graph.subtract(logarithms, graph.emit('Log', [clamped], mean.dims));
  const factor = graph.scalar(WEIGHT / rows);
  const divergence = graph.sum(graph.multiply(shares, distance), [0, 1, 2]);
  const loss = graph.add(clean.loss, graph.multiply(divergence, factor));
  // What the divergence loses through M is 1 a share, as is what it gains by p·log p; where M is clamped it
  // loses nothing.
  const low = graph.indicator(graph.emit('Less', [mean, graph.scalar(LOWEST)], mean.dims));
  const slope = graph.add(distance, low);
  const sums = graph.reshape(graph.sum(graph.multiply(shares, slope), [2]), [VIEWS, batch, 1]);
  const centred = graph.subtract(slope, sums);
  const apart = graph.multiply(graph.multiply(shares, centred), factor);
  const widths = graph.integers([0, 0, rows - batch, 0]);
  const padded = graph.emit('Pad', [clean.gradient, widths], logits.dims);
  return { loss, gradient: graph.add(graph.reshape(apart, logits.dims), padded) };
}
