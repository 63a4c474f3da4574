import { expect, it } from 'vitest';
import { runningService } from '../running-service.js';

it('refused credentials are in the audit, once an address and time, however many there are', async () => {
  const service = await runningService();
  try {
    const { body } = await service.post('/v1/keys', { name: 'root', role: 'admin' });
    const admin = { Authorization: `Bearer ${body.key}` };
    const wrong = { Authorization: 'Bearer vk_wrong' };
    for (let i = 0; i < 30; i++)
      expect([401, 429]).toContain(
        (await service.call('GET', '/v1/models', { headers: wrong })).status,
      );
    const refusals = async () =>
      (await service.call('GET', '/v1/audit', { headers: admin })).body.items.filter(
        ({ action }: { action: string }) => action === 'login.refuse',
      );
    await expect.poll(refusals).toEqual([
      expect.objectContaining({
        key: null,
        owner: 'nobody',
        target: '127.0.0.1',
        detail: { count: 1 },
      }),
    ]);
    expect(JSON.stringify(await refusals())).not.toContain('vk_wrong');
  } finally {
    await service.stop();
  }
});
