import { extname } from 'node:path';
import type { Command } from 'commander';
import type { Role } from '../../data/xarray/dimensions.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { globalOptions } from '../options/global-options.js';
import { visibleText } from '../terminal/error-text.js';
import type { Io } from '../terminal/io.js';

interface ConvertOptions {
  readonly output: string;
  readonly variable?: string;
  readonly stimulusDim?: string;
  readonly repetitionDim?: string;
  readonly neuroidDim?: string;
  readonly timeDim?: string;
  readonly ids?: string;
  readonly region?: string;
  readonly window?: string;
}

/** `ventral data convert`: recordings as xarray wrote them become an assembly. */
export function registerConvert(data: Command, io: Io): void {
  data
    .command('convert <file>')
    .description(
      'convert recordings that xarray wrote (image × repetition × unit × time) to an assembly',
    )
    .requiredOption('-o, --output <file>', 'assembly to write, .nc')
    .option('--variable <name>', 'variable with the recordings; default: the only one')
    .option('--stimulus-dim <name>', 'dimension of the stimuli; default: image, stimulus, …')
    .option(
      '--repetition-dim <name>',
      'dimension of the repetitions; default: repetition, trial, …',
    )
    .option('--neuroid-dim <name>', 'dimension of the neuroids; default: neuroid, unit, …')
    .option('--time-dim <name>', 'dimension of time; default: time, time_bin, …')
    .option('--ids <name>', 'coordinate with the stimulus ids')
    .option('--region <name>', 'region of all neuroids')
    .option('--window <times>', 'average time bins, START:END or all, or take one: TIME')
    .action((file: string, options: ConvertOptions, command: Command) =>
      convert(file, options, command, io),
    );
}

async function convert(
  path: string,
  options: ConvertOptions,
  command: Command,
  io: Io,
): Promise<void> {
  const { maxMemory } = globalOptions(command);
  const { output, variable, ids, region, window } = options;
  if (extname(output) !== '.nc') {
    const sentence = `--output ${output}: expected a .nc file`;
    throw new VentralError('bad-usage', sentence, { file: output });
  }
  const [{ convertXarray }, { parseTimeWindow }] = await Promise.all([
    import('../../data/xarray/convert-xarray.js'),
    import('../../data/xarray/time-window.js'),
  ]);
  const dims: Partial<Record<Role, string>> = present({
    ...{ stimulus: options.stimulusDim, repetition: options.repetitionDim },
    ...{ neuroid: options.neuroidDim, time: options.timeDim },
  });
  const done = await convertXarray({
    ...{ path, output, dims, maxMemory },
    ...present({ variable, ids, region }),
    ...(window === undefined ? {} : { window: parseTimeWindow(window) }),
  });
  const read = Object.entries(done.dims).map(([role, dim]) => `${dim} as ${role}`);
  const bins = done.bins > 0 ? `, mean of ${done.bins} time bins` : '';
  const empty = done.empty > 0 ? `, ${done.empty} presentations without a value left out` : '';
  io.err(
    visibleText(
      `${done.variable}, ${read.join(', ')}: ${done.presentations} presentations × ${done.neuroids} neuroids${bins}${empty}`,
    ),
  );
  io.out(`${output}\n`);
}
