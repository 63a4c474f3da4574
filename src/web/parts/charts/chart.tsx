import type { PlotOptions } from '@observablehq/plot';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ExportMenu } from '../export-menu.js';
import { saveFile } from '../save.js';

export type Plot = typeof import('@observablehq/plot');

/**
 * A chart drawn by Observable Plot, which loads when the first chart is shown; below it the table of what
 * it shows, and a menu that saves it as SVG and PNG.
 * @param options Plot's options, made with Plot and the width available; a stable function, or it is drawn again
 * @param title names it for those who do not see it, and the files saved
 * @param children the table with the same values
 */
export function Chart({
  title,
  options,
  children,
}: {
  readonly title: string;
  readonly options: (plot: Plot, width: number) => PlotOptions;
  readonly children: ComponentChildren;
}) {
  const place = useRef<HTMLDivElement>(null);
  const [drawn, setDrawn] = useState(false);
  useEffect(() => {
    let wanted = true;
    const draw = (plot: Plot) => {
      if (!wanted || !place.current) return;
      // As wide as there is room, so that its words keep their size on a narrow screen.
      const width = Math.min(WIDTH, place.current.clientWidth || WIDTH);
      place.current.replaceChildren(drawing(plot, { width, ...options(plot, width) }, title));
      setDrawn(true);
    };
    // Where Plot does not come, MissingPart says so.
    loadPlot().then(draw, () => {});
    return () => {
      wanted = false;
    };
  }, [options, title]);
  const svg = () => place.current?.querySelector('svg') as SVGSVGElement;
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div ref={place} />
      <ExportMenu
        of={title}
        disabled={!drawn}
        items={[
          { label: 'SVG', save: () => saveSvg(svg(), title) },
          { label: 'PNG', save: () => savePng(svg(), title) },
        ]}
      />
      <details>
        <summary>Values of “{title}” as a table</summary>
        {children}
      </details>
    </figure>
  );
}

const WIDTH = 640;

// Apart from what is done with it: the build takes a failure of the whole expression for one to load.
const loadPlot = () => import('@observablehq/plot');

/** Plot writes a style element, which the Content-Security-Policy refuses; theme.css has its rules. */
function drawing(plot: Plot, options: PlotOptions, title: string): Element {
  const detached = document.implementation.createHTMLDocument();
  const element = plot.plot({ document: detached, ...options });
  for (const style of element.querySelectorAll('style')) style.remove();
  // One image with one name: those of its parts say "line" and "rule".
  for (const part of element.querySelectorAll('[aria-label]')) part.removeAttribute('aria-label');
  element.setAttribute('role', 'img');
  element.setAttribute('aria-label', title);
  return element;
}

const fileName = (title: string) => title.replace(/[^\p{L}\p{N}]+/gu, '-').toLowerCase();

/** The drawing as it is seen: what the theme's variables say is written into it. */
function markup(svg: SVGSVGElement): string {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const { color, backgroundColor } = getComputedStyle(document.body);
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('color', color);
  copy.setAttribute('font-family', 'system-ui, sans-serif');
  copy.setAttribute('font-size', '10');
  const ground = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  ground.setAttribute('width', '100%');
  ground.setAttribute('height', '100%');
  ground.setAttribute('fill', backgroundColor);
  copy.prepend(ground);
  return new XMLSerializer().serializeToString(copy).replaceAll('currentColor', color);
}

const saveSvg = (svg: SVGSVGElement, title: string) =>
  saveFile(`${fileName(title)}.svg`, markup(svg), 'image/svg+xml');

/** canvg draws without an image element, which the policy would refuse a blob: address. */
async function savePng(svg: SVGSVGElement, title: string): Promise<void> {
  const { Canvg } = await import('canvg');
  const { width, height } = svg.getBoundingClientRect();
  const canvas = new OffscreenCanvas(2 * width, 2 * height);
  const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
  const drawing = Canvg.fromString(context, markup(svg), {
    ignoreAnimation: true,
    ignoreMouse: true,
  });
  drawing.resize(2 * width, 2 * height, true);
  await drawing.render();
  saveFile(`${fileName(title)}.png`, await canvas.convertToBlob({ type: 'image/png' }));
}
