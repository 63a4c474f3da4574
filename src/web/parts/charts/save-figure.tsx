import { type Figure, type FigureWidth, figureWidths } from '../../../figure/figure.js';
import { layOut } from '../../../figure/lay-out.js';
import { drawingSvg } from '../../../figure/svg.js';
import { saveFile } from '../save.js';

const words = { single: 'one column', double: 'two columns' } satisfies Record<FigureWidth, string>;

interface SaveFigureProps {
  /** What is drawn, in the name of the buttons. */
  readonly of: string;
  /** The figure, drawn only when it is asked for. */
  readonly make: () => Figure;
}

/**
 * Buttons that save a figure for a journal, as the command line draws it, at both widths.
 */
export function SaveFigure({ of, make }: SaveFigureProps) {
  const save = (width: FigureWidth) => {
    const figure = make();
    saveFile(`${figure.fileName}.svg`, drawingSvg(layOut(figure, width)), 'image/svg+xml');
  };
  return (Object.keys(figureWidths) as FigureWidth[]).map((width) => (
    <button key={width} type="button" onClick={() => save(width)}>
      Save the {of} as a figure, {words[width]}
    </button>
  ));
}
