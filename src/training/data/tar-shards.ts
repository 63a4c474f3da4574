import { resolve } from 'node:path';
import { digestOf } from '../../formats/digest.js';
import { classesOfLabels } from './checked-labels.js';
import { decodeExample } from './decode-example.js';
import type { LabelledSet, LabelledSource } from './labelled-set.js';
import { readPart } from './read-part.js';
import { indexShard, type ShardExample, shardInvalid } from './shard-index.js';
import { shardNames } from './shard-names.js';

type ShardSource = Extract<LabelledSource, { readonly shards: string }>;

async function readEntry({ path, name, offset, size }: ShardExample): Promise<Uint8Array> {
  const bytes = await readPart(path, offset, size);
  if (bytes.length === size) return bytes;
  throw shardInvalid(path, name, `${size} bytes`, `${bytes.length} bytes`);
}

/**
 * Opens tar files as WebDataset lays them out: consecutive entries of a key are a sample, `KEY.cls` its class as an
 * ASCII integer. Each file is passed over once, and images are read where they lie.
 * @throws VentralError `training-data-invalid` naming file and entry; `file-missing`
 */
export async function openTarShards(source: ShardSource, folder: string): Promise<LabelledSet> {
  const examples: ShardExample[] = [];
  const digests: string[] = [];
  for (const name of shardNames(source.shards)) {
    const index = await indexShard(resolve(folder, name));
    for (const example of index.examples) examples.push(example);
    digests.push(index.digest);
  }
  const labels = Int32Array.from(examples, ({ label }) => label);
  const nameOf = (index: number) => `${examples[index].path}, ${examples[index].name},`;
  return {
    classes: classesOfLabels(labels, source.classes, nameOf),
    labels,
    digest: digestOf({ shards: digests }),
    picture: async (index) => {
      const example = examples[index];
      const name = `${example.path}, ${example.name},`;
      return {
        ...(await decodeExample(await readEntry(example), name)),
        label: example.label,
      };
    },
    close: async () => {},
  };
}
