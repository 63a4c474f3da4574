import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { didYouMean } from '../../errors/closest-names.js';
import { VentralError } from '../../errors/ventral-error.js';
import { packageRoot } from '../../formats/package-root.js';
import type { Architecture } from './architecture.js';
import { efficientnetB1, pytorchEfficientnetB1, tfEfficientnetB1 } from './efficientnet-b1.js';
import { EXPORT_LINE } from './export-line.js';

const architectures: Readonly<Record<string, Architecture>> = {
  // timm, torchvision and robustness call the parts of a ResNet-50 alike, and so do we.
  'resnet-50': { shipped: 'resnet-50', side: 224, namings: [{ library: 'torchvision and timm' }] },
  'efficientnet-b1': efficientnetB1,
  'tf-efficientnet-b1': tfEfficientnetB1,
  'pytorch-efficientnet-b1': pytorchEfficientnetB1,
  'resnet-20': { shipped: 'resnet-20', side: 32, namings: [{ library: 'akamaster' }] },
};

/** Names that `--arch` takes. */
const architectureNames: readonly string[] = Object.keys(architectures);

/**
 * A network of ours by name.
 * @throws VentralError `bad-usage` with the names that there are
 */
export function findArchitecture(name: string): Architecture {
  if (Object.hasOwn(architectures, name)) return architectures[name];
  const hint = didYouMean(name, architectureNames);
  throw new VentralError(
    'bad-usage',
    `--arch ${name}: expected ${architectureNames.join(', ')}${hint}; for any other network give --graph, an ONNX export of it by ${EXPORT_LINE}`,
    { field: 'arch', expected: architectureNames.join(', '), found: name },
  );
}

/** The ONNX bytes of a network of ours, with random weights. */
export async function buildArchitecture(
  { shipped }: Architecture,
  variant: string | undefined,
): Promise<Uint8Array> {
  const path = join(packageRoot, 'dist', 'models', shipped, 'build.js');
  const module: { build(variant?: string): Uint8Array } = await import(pathToFileURL(path).href);
  return module.build(variant);
}
