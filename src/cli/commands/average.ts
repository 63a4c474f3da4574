import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { VentralError } from '../../errors/ventral-error.js';
import type { Member } from '../../training/step/average.js';
import type { Io } from '../terminal/io.js';

interface AverageOptions {
  readonly output: string;
  readonly force?: boolean;
}

/** `ventral average A.onnx B.onnx… -o C.onnx`: the mean of the weights of checkpoints of one network. */
export function registerAverage(program: Command, io: Io): void {
  program
    .command('average')
    .description('average the weights of checkpoints of one network (a uniform soup)')
    .argument('<models...>', 'ONNX files, cards or model folders')
    .requiredOption('-o, --output <file>', 'ONNX file to write')
    .option('--force', 'replace an existing file')
    .action((models: string[], options: AverageOptions) => average(models, options, io));
}

async function average(
  models: readonly string[],
  { output, force = false }: AverageOptions,
  io: Io,
): Promise<void> {
  if (!force && existsSync(output))
    throw new VentralError('file-exists', `${output} exists already: give --force to replace it`, {
      file: output,
    });
  const { averageModels } = await import('../../training/step/average.js');
  const { writeFileAtomic } = await import('../../formats/write-file-atomic.js');
  await writeFileAtomic(output, await averageModels(membersOf(models)));
  io.err(`Wrote ${output}, the mean of ${models.length} networks\n`);
}

async function* membersOf(models: readonly string[]): AsyncGenerator<Member> {
  const { openModelFile } = await import('../../activations/model-file.js');
  for (const path of models) {
    const { digest, model } = await openModelFile(path);
    yield { name: path, digest, model };
  }
}
