import type { Schemas } from '../../client/client.js';

const WIDTH = 120;
const HEIGHT = 40;

/** A small histogram of a property: recorded neurons as bars, the units of the layer as a line. */
export function Spark({ distribution }: { readonly distribution: Schemas['ScoreDistribution'] }) {
  const { property, neurons, units } = distribution;
  const [recorded, own] = [neurons.counts, units.counts].map(shares);
  const step = WIDTH / recorded.length;
  const most = Math.max(...recorded, ...own) || 1;
  const height = (share: number) => (HEIGHT * share) / most;
  const outline = own
    .map((share, bin) => `L${bin * step} ${HEIGHT - height(share)}H${(bin + 1) * step}`)
    .join('');
  const words = `${property.replaceAll('_', ' ')}: ${recorded.length} bins of neurons and units`;
  return (
    <svg class="spark" role="img" aria-label={words} viewBox={`0 0 ${WIDTH} ${HEIGHT}`}>
      {recorded.map((share, bin) => (
        <rect
          key={bin}
          x={bin * step}
          y={HEIGHT - height(share)}
          width={step}
          height={height(share)}
        />
      ))}
      <path d={`M0 ${HEIGHT}${outline}V${HEIGHT}`} />
    </svg>
  );
}

function shares(counts: readonly number[]): number[] {
  const all = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => (all === 0 ? 0 : count / all));
}
