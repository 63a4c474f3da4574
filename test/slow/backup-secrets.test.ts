import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openZip } from '../../src/formats/zip.js';
import { saveBackup, takeBackup } from '../../src/service/access/backup-access.js';
import { runningService } from '../service/running-service.js';
import { emptyPlace, engines, madePlace, removePlace } from '../store/engines.js';

const secret = 'a-secret-of-a-receiver-of-webhooks';

it.each(engines)(
  'a backup of the %s database holds no secret of a webhook, and a restored job says why it was not told',
  async (engine) => {
    const webhooks = { allow: ['127.0.0.1'] };
    const source = await madePlace(engine);
    const service = await runningService({ ...source, webhooks });
    const folder = await mkdtemp(join(tmpdir(), 'ventral-secrets-'));
    const target = await emptyPlace(engine);
    try {
      const { body: job } = await service.post('/v1/scores', {
        model: 'pixels',
        benchmarks: ['Simulated.V1-pls'],
        layers: { V1: 'sleep=60000' },
        webhook: { url: 'https://127.0.0.1:1/hook', secret },
      });
      const file = join(folder, 'a.zip');
      await saveBackup(service.place, file);
      const zip = await openZip(file);
      for (const { name } of zip.entries)
        expect((await zip.read(name)).includes(secret), name).toBe(false);
      expect((await zip.read('tables/jobs.ndjson')).toString()).toContain('127.0.0.1:1/hook');
      await zip.close();
      expect((await readFile(file)).includes(secret)).toBe(false);

      const { body: audit } = await service.get('/v1/audit');
      expect(
        audit.items.filter(({ action }: { action: string }) => /^backup/.test(action)),
      ).toEqual([
        expect.objectContaining({ action: 'backup.download', owner: 'local', target: 'backup' }),
      ]);

      await takeBackup(file, target, 2 ** 30);
      const after = await runningService({ ...target, webhooks });
      try {
        await after.call('DELETE', `/v1/scores/${job.id}`);
        await expect
          .poll(async () => (await after.get(`/v1/scores/${job.id}`)).body.webhook, {
            timeout: 120_000,
          })
          .toMatchObject({
            state: 'failed',
            deliveries: [{ status: null, reason: expect.stringContaining('not in the backup') }],
          });
      } finally {
        await after.close();
      }
    } finally {
      await service.stop();
      await Promise.all([source, target].map(removePlace));
      await rm(folder, { recursive: true });
    }
  },
);
