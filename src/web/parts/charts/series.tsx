import type { Shape } from '../../../figure/drawing.js';
import { styleOf, symbolAt } from '../../../figure/symbols.js';

/** The colour and symbol of one of several, beside its name; it is the same within a drawing. */
export function Swatch({ place }: { readonly place: number }) {
  const shape = symbolAt(place, [0, 0], 5);
  return (
    <svg viewBox="-8 -8 16 16" width="14" height="14" aria-hidden="true">
      {shape.kind === 'circle' ? (
        <circle r={shape.radius} fill={styleOf(place).colour} />
      ) : (
        <polygon points={cornersOf(shape)} fill={styleOf(place).colour} />
      )}
    </svg>
  );
}

const cornersOf = (shape: Shape): string =>
  'points' in shape ? shape.points.map((point) => point.join()).join(' ') : '';

/** Characters of a name in a heading; its tooltip has all of them. */
const LONGEST = 60;

/** A name as short as a heading has room for. */
export const shortened = (name: string): string =>
  name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name;
