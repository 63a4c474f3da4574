import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { oraclePath } from '../oracle.js';
import { serve, ventral } from '../service/process.js';
import { madeHome } from '../store/made-home.js';

let home: string;
beforeEach(async () => {
  home = await madeHome('ventral-at-once-');
});
afterEach(() => rm(home, { recursive: true, force: true }));

const net = () => oraclePath('09-end-to-end/resnet/model.onnx');
const folded = () => oraclePath('09-end-to-end/resnet/folded.onnx');

it('several commands without a service each own the home in turn', async () => {
  const added = await Promise.all(
    [net(), folded(), net(), folded()].map((file) =>
      ventral('models', 'add', file, '--home', home),
    ),
  );
  expect(added.map(({ status }) => status)).toEqual([0, 0, 0, 0]);
  expect(new Set(added.map(({ out }) => out)).size).toBe(2);
  expect(existsSync(join(home, 'owner.json'))).toBe(false);
});

it('several commands with a service that starts beside them lose nothing', async () => {
  const starting = serve(home);
  const added = await Promise.all(
    [net(), folded()].map((file) => ventral('models', 'add', file, '--home', home)),
  );
  expect(added.map(({ status, err }) => [status, err])).toEqual([
    [0, expect.anything()],
    [0, expect.anything()],
  ]);
  const service = await starting;
  const { body } = await service.call('GET', '/v1/models');
  expect(body.items.map(({ id }: { id: string }) => `${id}\n`).toSorted()).toEqual(
    added.map(({ out }) => out).toSorted(),
  );
  await service.end('SIGTERM');
});
