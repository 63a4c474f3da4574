import { extname } from 'node:path';
import type { Command } from 'commander';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { PackageFormat, PackageRequest } from '../../submission/build-package.js';
import { several } from '../options/layer-request.js';
import type { Io } from '../terminal/io.js';

interface PackageOptions {
  readonly format: string;
  readonly output: string;
  readonly identifier?: string;
  readonly card?: string;
  readonly receipt: string[];
  readonly license?: string;
  readonly bibtex?: string;
  readonly weightsUrl?: string;
  readonly weightsSha1?: string;
}

/** `ventral package`: a model as a submission to Brain-Score. */
export function registerPackage(program: Command, io: Io): void {
  program
    .command('package')
    .description('package a model as a submission to Brain-Score')
    .argument('<model>', 'ONNX file, card, model folder or name of a shipped model')
    .requiredOption('--format <form>', 'brainscore (today) or brainscore-2022')
    .requiredOption('-o, --output <file>', 'archive to write, .zip')
    .option('--identifier <name>', 'identifier of the submission; default: from the model’s name')
    .option('--card <file>', 'model card')
    .option('--receipt <file>', 'receipt of scores to include', several, [])
    .option('--license <file>', 'licence to include')
    .option('--bibtex <file>', 'reference to include')
    .option('--weights-url <url>', 'URL of weights that do not fit into the archive')
    .option('--weights-sha1 <digest>', 'their SHA-1')
    .action(async (model: string, options: PackageOptions) => {
      const request = requestOf(model, options);
      const { writePackage } = await import('../../submission/write-package.js');
      const { identifier, size, files, notes, beside } = await writePackage(
        options.output,
        request,
      );
      for (const note of notes) io.err(`ventral: note: ${note}\n`);
      io.out(`${options.output}: ${identifier}, ${files} files, ${size} bytes\n`);
      for (const path of beside) io.out(`${path}\n`);
    });
}

/** @throws VentralError `bad-usage` */
function requestOf(model: string, options: PackageOptions): PackageRequest {
  const refuse = (sentence: string) => new VentralError('bad-usage', `package: ${sentence}`);
  const { format, output, identifier, card, receipt, license, bibtex } = options;
  if (format !== 'brainscore' && format !== 'brainscore-2022')
    throw refuse(`--format: expected brainscore or brainscore-2022, found "${format}"`);
  if (extname(output).toLowerCase() !== '.zip') throw refuse('--output: expected a .zip file');
  const { weightsUrl: url, weightsSha1: sha1 } = options;
  if ((url === undefined) !== (sha1 === undefined))
    throw refuse('--weights-url and --weights-sha1 go together');
  return {
    model: { path: model, ...(card ? { file: card } : {}) },
    format: format satisfies PackageFormat,
    ...present({ identifier }),
    ...(receipt.length > 0 ? { receipts: receipt } : {}),
    ...present({ license, bibtex }),
    ...(url !== undefined && sha1 !== undefined ? { weights: { url, sha1 } } : {}),
  };
}
