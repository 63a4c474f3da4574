import { useState } from 'preact/hooks';
import { type Figure, type FigureWidth, figureWidths } from '../../../figure/figure.js';

const words = { single: 'one column', double: 'two columns' } satisfies Record<FigureWidth, string>;
const widths = Object.keys(figureWidths) as FigureWidth[];

/** What writes figures loads with the first that is saved. */
async function saveFigure(
  figure: Figure,
  kind: 'svg' | 'png' | 'csv',
  width: FigureWidth,
): Promise<void> {
  const { writeFigure } = await import('./figure-files.js');
  await writeFigure(figure, kind, width);
}

/** A file of a figure. */
export interface FigureItem {
  /** What it is, in a menu. */
  readonly label: string;
  /** What a button of its own says: `as a figure, one column`. */
  readonly button: string;
  readonly save: () => Promise<void>;
}

/**
 * What can be saved of a figure for a journal, as the command line draws it: SVG and PNG at the width of one column
 * and two, and its values.
 * @param make the figure, made only when it is asked for
 * @param what tells it from another one in the same menu
 */
export const figureItems = (make: () => Figure, what = 'Figure'): FigureItem[] => [
  ...widths.map((width) => ({
    label: `${what}, ${words[width]} (SVG)`,
    button: `as a figure, ${words[width]}`,
    save: () => saveFigure(make(), 'svg', width),
  })),
  ...widths.map((width) => ({
    label: `${what}, ${words[width]} (PNG)`,
    button: `as PNG, ${words[width]}`,
    save: () => saveFigure(make(), 'png', width),
  })),
  {
    label: `${what}, values (CSV)`,
    button: 'as values (CSV)',
    save: () => saveFigure(make(), 'csv', 'double'),
  },
];

interface SaveFigureProps {
  /** What is drawn, in the name of the buttons. */
  readonly of: string;
  readonly make: () => Figure;
}

/** Buttons that save a figure. */
export function SaveFigure({ of, make }: SaveFigureProps) {
  const [failed, setFailed] = useState('');
  const run = (save: () => Promise<void>) =>
    save().then(
      () => setFailed(''),
      (error: Error) => setFailed(error.message),
    );
  return (
    <>
      {figureItems(make).map(({ button, save }) => (
        <button key={button} type="button" onClick={() => run(save)}>
          Save {of} {button}
        </button>
      ))}
      {failed && <span role="alert">The figure was not saved: {failed}</span>}
    </>
  );
}
