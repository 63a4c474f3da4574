import type { RandomState } from '../../src/numerics/random/random-state.js';
import { normalCdf } from '../../src/numerics/statistics/normal.js';

/**
 * Parameters of Gabor filters drawn from what was measured in macaque V1, in the way of VOneNet
 * (Dapello, Marques et al., NeurIPS 2020): orientations of De Valois, Yund and Hepler 1982, spatial
 * frequencies of De Valois, Albrecht and Thorell 1982, envelopes of Ringach 2002, and the
 * correlation of frequency and envelope of Schiller, Finlay and Volman 1976.
 */

/** One filter. */
export interface GaborParameters {
  /** Cycles a degree of visual angle. */
  readonly frequency: number;
  /** Radians; 0 is a horizontal carrier axis. */
  readonly orientation: number;
  /** Radians. */
  readonly phase: number;
  /** Standard deviations of the envelope across and along the bars, in cycles of the carrier. */
  readonly nx: number;
  readonly ny: number;
}

/** Counted cells between edges, spread evenly within a bin on the scale of the edges. */
interface Tally {
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

/** Degrees. */
const ORIENTATION: Tally = { edges: [-22.5, 22.5, 67.5, 112.5, 157.5], counts: [66, 49, 77, 54] };
/** Cycles a degree, in octaves; cells above 5.6 are left out, which 14 pixels a degree cannot show. */
const FREQUENCY: Tally = {
  edges: [0.5, 0.7, 1, 1.4, 2, 2.8, 4, 5.6].map(Math.log2),
  counts: [4, 4, 8, 25, 32, 26, 28],
};
/** log10 of nx and ny, and cells by bin of nx (rows) and ny (columns). */
const ENVELOPE_EDGES = [-1, -0.76, -0.52, -0.28, -0.04, 0.2];
const ENVELOPE_COUNTS = [
  [2, 0, 1, 0, 0],
  [8, 9, 4, 1, 0],
  [1, 2, 19, 17, 3],
  [0, 0, 1, 7, 4],
];
const FREQUENCY_ENVELOPE_CORRELATION = 0.75;

/** The value below which a share `p` of the tally lies. */
function quantile({ edges, counts }: Tally, p: number): number {
  let rest = p * counts.reduce((sum, count) => sum + count, 0);
  for (let bin = 0; bin < counts.length; bin++) {
    if (rest < counts[bin]) {
      return edges[bin] + (rest / counts[bin]) * (edges[bin + 1] - edges[bin]);
    }
    rest -= counts[bin];
  }
  return edges[counts.length];
}

/** Draws the parameters of one filter. */
export function drawGabor(random: RandomState): GaborParameters {
  const [first, second] = random.standardNormal(2);
  const correlation = FREQUENCY_ENVELOPE_CORRELATION;
  const envelope = normalCdf(first);
  const frequency = normalCdf(
    correlation * first + Math.sqrt(1 - correlation * correlation) * second,
  );
  const totals = ENVELOPE_COUNTS.map((row) => row.reduce((sum, count) => sum + count, 0));
  const nx = quantile({ edges: ENVELOPE_EDGES, counts: totals }, envelope);
  const row = ENVELOPE_COUNTS.findIndex((_, bin) => nx < ENVELOPE_EDGES[bin + 1]);
  const counts = ENVELOPE_COUNTS[row < 0 ? ENVELOPE_COUNTS.length - 1 : row];
  const [ny, orientation, phase] = random.randomSample(3);
  return {
    frequency: 2 ** quantile(FREQUENCY, frequency),
    orientation: (quantile(ORIENTATION, orientation) * Math.PI) / 180,
    phase: 2 * Math.PI * phase,
    nx: 10 ** nx,
    ny: 10 ** quantile({ edges: ENVELOPE_EDGES, counts }, ny),
  };
}
