import type { Command } from 'commander';
import type { KeyTable } from '../../importing/checkpoint/key-table.js';
import { globalOptions } from '../options/global-options.js';
import type { Io } from '../terminal/io.js';

interface ImportOptions {
  readonly output: string;
  readonly arch?: string;
  readonly graph?: string;
  readonly key?: string;
  readonly ema?: boolean;
  readonly prefix?: string;
  readonly ignore?: readonly string[];
  readonly withoutHead?: boolean;
  readonly reference?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** `ventral import`: a checkpoint of another framework becomes an ONNX file. */
export function registerImport(program: Command, io: Io): void {
  program
    .command('import')
    .description(
      'convert a PyTorch, safetensors, Keras, TensorFlow.js or TensorFlow Lite checkpoint to ONNX',
    )
    .argument('<checkpoint>', 'checkpoint: the file type is detected from its contents')
    .requiredOption('-o, --output <file>', 'ONNX file to write')
    .option('--arch <name>', 'a network that ventral builds: resnet-50, efficientnet-b1, resnet-20')
    .option('--graph <file>', 'an ONNX export of the same network, whatever its weights')
    .option('--key <path>', 'which state dict, where the file holds several')
    .option('--ema', 'the moving average of the weights, where the file holds it beside them')
    .option('--prefix <prefix>', 'read only names under this prefix, without it')
    .option('--ignore <glob>', 'leave tensors out by their names (repeatable)', collect)
    .option('--without-head', 'end the network at what its last product reads')
    .option(
      '--reference <file>',
      'npz with the outputs of the layers of the source: see docs/import.md',
    )
    .option('--force', 'replace an existing file')
    .option('--json', 'print JSON')
    .action(async (checkpoint: string, options: ImportOptions, command: Command) => {
      const { importCheckpoint } = await import('../../importing/import-checkpoint.js');
      const { printImport, printKeys } = await import('../print/print-import.js');
      const { json, ...request } = options;
      let fits = false;
      const onKeys = (table: KeyTable) => {
        fits = table.loaded === table.total && table.unexpected.length === 0;
        if (!fits) printKeys(table, { json: Boolean(json) }, io);
      };
      const { threads } = globalOptions(command);
      const report = await importCheckpoint({ checkpoint, ...request, threads, onKeys });
      printImport(report, { json: Boolean(json) }, io);
    });
}

const collect = (glob: string, before: readonly string[] = []) => [...before, glob];
