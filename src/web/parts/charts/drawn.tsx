import { useEffect, useMemo, useState } from 'preact/hooks';
import { type Drawing, ink, type Point, type Shape } from '../../../figure/drawing.js';
import type { Figure } from '../../../figure/figure.js';
import { layOut } from '../../../figure/lay-out/lay-out.js';
import { fittedWidth } from '../../../figure/text-width.js';

interface DrawnProps {
  readonly figure: Figure;
  /** Names it for those who do not see it. */
  readonly title: string;
  /** In CSS pixels. */
  readonly width: number;
}

/** CSS pixels to a point: the smallest type of a figure is 6 points, which makes 11 pixels. */
const PIXELS = 1.8;

/** Pixels from a value within which the pointer shows its numbers. */
const REACH = 24;

/**
 * A figure as wide as asked for, in the colours of the page. Its values are told below it: those next to the pointer, or one after the other
 * by the arrow keys.
 */
export function Drawn({ figure, title, width: room }: DrawnProps) {
  const drawing = useMemo(() => layOut(figure, room / PIXELS), [figure, room]);
  const { width, height, description, shapes, tips } = drawing;
  const [at, setAt] = useState<number>();
  useEffect(() => setAt(undefined), [figure]);
  // Drawn when the figure changes, not when the pointer moves.
  const parts = useMemo(
    () => shapes.map((shape, i) => <Part key={String(i)} shape={shape} />),
    [shapes],
  );
  const shown = at === undefined ? undefined : tips[at];
  const name = `${title}. ${description}`;
  return (
    <>
      <section
        class="drawn"
        aria-label={`${title}, ${tips.length} values`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys go from value to value, and scroll what is too wide.
        tabIndex={0}
        onKeyDown={(event) => {
          const next = neighbour(event.key, at, tips.length);
          if (next === undefined) return;
          event.preventDefault();
          setAt(next);
        }}
        onPointerMove={(event) => {
          const svg = event.currentTarget.firstElementChild;
          if (!svg) return;
          const box = svg.getBoundingClientRect();
          // The page may show it smaller than it is laid out.
          const scale = box.width / width;
          const place: Point = [
            (event.clientX - box.left) / scale,
            (event.clientY - box.top) / scale,
          ];
          setAt(nearest(tips, place, REACH / scale));
        }}
      >
        <svg
          width={width * PIXELS}
          height={height * PIXELS}
          viewBox={`0 0 ${width} ${height}`}
          role="img"
          aria-label={name}
        >
          {parts}
          {shown && (
            <circle
              cx={shown.at[0]}
              cy={shown.at[1]}
              r="5"
              fill="none"
              stroke="var(--figure-text)"
            />
          )}
        </svg>
      </section>
      {tips.length > 0 && (
        <p class="value-shown" aria-live="polite">
          <bdi>
            {shown?.text ??
              'Point at a value, or go to it with the arrow keys, to see its numbers.'}
          </bdi>
        </p>
      )}
    </>
  );
}

/** The value that a key leads to; undefined for other keys. */
function neighbour(key: string, at: number | undefined, count: number): number | undefined {
  if (count === 0) return undefined;
  if (key === 'ArrowRight' || key === 'ArrowDown') return at === undefined ? 0 : (at + 1) % count;
  if (key === 'ArrowLeft' || key === 'ArrowUp') return ((at ?? 0) + count - 1) % count;
  if (key === 'Home') return 0;
  if (key === 'End') return count - 1;
  return undefined;
}

function nearest(tips: Drawing['tips'], [x, y]: Point, reach: number): number | undefined {
  let [found, least] = [undefined as number | undefined, reach];
  for (const [i, { at }] of tips.entries()) {
    const distance = Math.hypot(at[0] - x, at[1] - y);
    if (distance <= least) [found, least] = [i, distance];
  }
  return found;
}

/** Colours that are others on a dark ground; those of series and of heat maps stand out on both. */
const themed = new Map<string, string>([
  [ink.text, 'var(--figure-text)'],
  [ink.faint, 'var(--figure-faint)'],
  [ink.rule, 'var(--figure-rule)'],
  [ink.ground, 'var(--figure-ground)'],
  [ink.simulated, 'var(--figure-simulated)'],
  [ink.curves[0], 'var(--figure-first)'],
  [ink.curves[1], 'var(--figure-second)'],
  [ink.curves[2], 'var(--figure-third)'],
]);
const paint = (colour: string | undefined): string =>
  colour === undefined ? 'none' : (themed.get(colour) ?? colour);
const list = (points: readonly Point[]): string => points.map((point) => point.join()).join(' ');

function Part({ shape }: { readonly shape: Shape }) {
  if (shape.kind === 'text') {
    const { at, text, size, fill, anchor = 'start', upward } = shape;
    const length = fittedWidth(text, size);
    return (
      <text
        x={at[0]}
        y={at[1]}
        font-size={size}
        fill={paint(fill)}
        text-anchor={anchor}
        unicode-bidi="isolate"
        {...(upward ? { transform: `rotate(-90 ${at[0]} ${at[1]})` } : {})}
        {...(length === undefined ? {} : { textLength: length, lengthAdjust: 'spacingAndGlyphs' })}
      >
        {text}
      </text>
    );
  }
  if (shape.kind === 'circle')
    return (
      <circle
        cx={shape.at[0]}
        cy={shape.at[1]}
        r={shape.radius}
        fill={paint(shape.fill)}
        stroke={paint(shape.stroke)}
        stroke-width="0.75"
      />
    );
  if (shape.kind === 'area')
    return (
      <polygon
        points={list(shape.points)}
        fill={paint(shape.fill)}
        fill-opacity={shape.opacity ?? 1}
        stroke={paint(shape.stroke)}
        stroke-width="0.75"
      />
    );
  return (
    <polyline
      points={list(shape.points)}
      fill="none"
      stroke={paint(shape.stroke)}
      stroke-width={shape.width}
      stroke-linejoin="round"
      stroke-dasharray={shape.dash?.join(' ') ?? 'none'}
    />
  );
}
