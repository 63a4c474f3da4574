import { type Command, Option } from 'commander';
import type { Figure, FigureWidth } from '../../figure/figure.js';
import { writeFileAtomic } from '../../formats/write-file-atomic.js';

/** `--svg`, `--pdf`, `--width` and, where there is a choice, `--figure` of the commands that can draw what they found. */
export interface FigureOptions {
  readonly svg?: string;
  readonly pdf?: string;
  readonly width: FigureWidth;
  readonly figure?: string;
}

/** @param kinds what can be drawn, the default first; none where there is one kind */
export function addFigureOptions(command: Command, kinds: readonly string[] = []): Command {
  const [first] = kinds;
  if (first !== undefined)
    command.addOption(
      new Option('--figure <kind>', 'what the figure shows').choices(kinds).default(first),
    );
  return command
    .option('--svg <file>', 'write a figure for a journal as SVG')
    .option('--pdf <file>', 'the same as PDF, fonts embedded')
    .addOption(
      new Option('--width <columns>', 'width of the figure, 85 or 180 mm')
        .choices(['single', 'double'] satisfies FigureWidth[])
        .default('double'),
    );
}

/** Writes the figure in the forms that were asked for. */
export async function writeFigures(
  make: () => Promise<Figure>,
  { svg, pdf, width }: FigureOptions,
): Promise<void> {
  if (svg === undefined && pdf === undefined) return;
  const { figureFile } = await import('../../report/write-figure.js');
  const figure = await make();
  for (const [kind, path] of Object.entries({ svg, pdf }) as ['svg' | 'pdf', string?][])
    if (path !== undefined) await writeFileAtomic(path, await figureFile(figure, kind, width));
}
