import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Figure } from '../../../figure/figure.js';
import { ExportMenu } from '../export-menu.js';
import './chart.css';
import { figureItems } from './save-figure.js';

interface ChartProps {
  /** Names it above the drawing and on its buttons. */
  readonly title: string;
  /** What is drawn; the same object as long as it is the same. */
  readonly figure: Figure;
  /** The table with the same values. */
  readonly children: ComponentChildren;
}

/**
 * A figure in a page: laid out for the width that there is and in the colours of the theme, with the table of what it
 * shows. What is saved is the same figure at the width of a journal's column on a light ground. What draws loads when the
 * first figure is shown.
 */
export function Chart({ title, figure, children }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const width = useWidth(place);
  const [parts, setParts] = useState<Awaited<ReturnType<typeof loadDrawn>>>();
  useEffect(() => {
    // Where it does not come, MissingPart says so.
    loadDrawn().then(setParts, () => {});
  }, []);
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div ref={place}>
        {parts && width !== undefined && (
          <parts.Drawn figure={figure} title={title} width={width} />
        )}
      </div>
      <ExportMenu of={title} items={figureItems(() => figure)} />
      <details>
        <summary>Values of “{title}” as a table</summary>
        {children}
      </details>
    </figure>
  );
}

// Apart from what is done with it: the build takes a failure of the whole expression for one to load.
const loadDrawn = () => import('./drawn.js');

/** Narrower a figure scrolls, wider it grows no more. */
const [NARROWEST, WIDEST] = [300, 1100];

/** The width of an element in steps, so that it is not laid out at every pixel; undefined before it is there. */
function useWidth(place: { readonly current: HTMLElement | null }): number | undefined {
  const [width, setWidth] = useState<number>();
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const measure = () => {
      const room = Math.floor(element.clientWidth / 10) * 10;
      setWidth(Math.min(WIDEST, Math.max(NARROWEST, room)));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return width;
}
