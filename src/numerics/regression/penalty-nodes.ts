/**
 * Ridge regressions of some penalties from those of a few (nodes): (w + α)⁻¹ as a sum of node weights bⱼ (w + αⱼ)⁻¹, equal at
 * as many points w as there are nodes. With s(x) = Π (x − wᵢ) / (x + αⱼ) its relative error at w is s(w) / s(−α) exactly, so
 * that the error of a penalty is known before anything is solved. Nodes and points are chosen in turn as Leja and Bagby do
 * (Bagby, On interpolation by rational functions, 1969).
 */
export interface PenaltyNodes {
  /** Positions in the list of penalties. */
  readonly nodes: readonly number[];
  /** Of each penalty the weight of each node. */
  readonly weights: readonly Float64Array[];
  /** Of each penalty the largest relative error, whatever the eigenvalue. */
  readonly errors: Float64Array;
}

/** Eigenvalues at which errors are looked for: the error bends over decades, not between neighbours. */
const GRID = 2000;
/** What the grid may miss between two of its values. */
const BETWEEN = 1.01;

/** Where eigenvalues lie: between two bounds of which the lower may be 0, or at 0 too. */
export interface Spectrum {
  readonly smallest: number;
  readonly largest: number;
  readonly zero: boolean;
}

/** As few nodes among positive penalties as leave none an error above `accuracy`, whatever the eigenvalues in a spectrum. */
export function penaltyNodes(
  alphas: readonly number[],
  spectrum: Spectrum,
  accuracy: number,
): PenaltyNodes {
  const grid = gridOf(spectrum, Math.min(...alphas) / GRID);
  const onGrid = new Float64Array(grid.length).fill(1);
  const onAlphas = new Float64Array(alphas.length).fill(1);
  const nodes: number[] = [];
  const points: number[] = [];
  for (;;) {
    const top = grid.reduce((most, _, i) => Math.max(most, Math.abs(onGrid[i])), 0);
    const errors = onAlphas.map((value) => (BETWEEN * top) / Math.abs(value));
    for (const node of nodes) errors[node] = 0;
    if (nodes.length === alphas.length || errors.every((error) => error <= accuracy))
      return {
        nodes,
        weights: alphas.map((_, i) => nodeWeights(alphas, i, { nodes, points })),
        errors,
      };
    const node = errors.indexOf(Math.max(...errors));
    const point = grid[onGrid.findIndex((value) => Math.abs(value) === top)];
    nodes.push(node);
    points.push(point);
    grid.forEach((w, i) => {
      onGrid[i] *= (w - point) / (w + alphas[node]);
    });
    alphas.forEach((alpha, i) => {
      onAlphas[i] *= i === node ? 1 : (alpha + point) / (alpha - alphas[node]);
    });
  }
}

/** The bounds, what lies between them in equal ratios, and 0 where it is among the eigenvalues; below `least` all are 0. */
function gridOf({ smallest, largest, zero }: Spectrum, least: number): Float64Array {
  const from = Math.max(smallest, least);
  const ratio = Math.log(Math.max(largest / from, 1)) / (GRID - 2);
  const first = zero || smallest < least ? 0 : from;
  return Float64Array.from({ length: GRID }, (_, i) =>
    i === 0 ? first : from * Math.exp(ratio * (i - 1)),
  );
}

function nodeWeights(
  alphas: readonly number[],
  of: number,
  { nodes, points }: { readonly nodes: readonly number[]; readonly points: readonly number[] },
): Float64Array {
  const alpha = alphas[of];
  if (nodes.includes(of)) return Float64Array.from(nodes, (node) => Number(node === of));
  return Float64Array.from(nodes, (node, j) => {
    const own = alphas[node];
    let weight = 1;
    for (const [k, other] of nodes.entries()) {
      weight *= (own + points[k]) / (alpha + points[k]);
      if (k !== j) weight *= (alphas[other] - alpha) / (alphas[other] - own);
    }
    return weight;
  });
}
