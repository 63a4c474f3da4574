import { request as send } from 'node:http';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { packageRoot } from '../../src/formats/package-root.js';
import { servingIn } from '../service/process.js';
import { BOUNDARY } from '../service/running-service.js';
import { bytesBelow } from '../service/stored-bytes.js';
import { makeKey } from '../service/with-key.js';
import { engines, madePlace, removePlace } from '../store/engines.js';

const MIB = 2 ** 20;
const main = join(packageRoot, 'dist', 'program', 'cli', 'main.js');

it.each(engines)(
  'a service on %s that is killed in an upload leaves neither bytes nor a reservation',
  async (engine) => {
    const place = await madePlace(engine);
    const environment = place.databaseUrl ? { DATABASE_URL: place.databaseUrl } : {};
    const words = ['--port', '0', '--no-score-shipped', '--quota-storage', '10MiB'];
    const start = () => servingIn(environment, main, 'serve', '--home', place.home, ...words);
    const first = await start();
    const root = (await makeKey(first, { name: 'root', role: 'admin' })).key;
    const { key } = await makeKey(first, { name: 'ada', role: 'member' }, root);
    const headers = { Authorization: `Bearer ${key}` };
    const usage = async (service: typeof first) =>
      (await service.call('GET', '/v1/session', { headers })).body.storage;
    const request = send(`${first.url}/v1/models`, {
      method: 'POST',
      headers: {
        ...headers,
        'Content-Type': `multipart/form-data; boundary=${BOUNDARY}`,
        'Content-Length': String(8 * MIB),
      },
    });
    request.on('error', () => {});
    const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n`;
    request.write(Buffer.concat([Buffer.from(head), Buffer.alloc(3 * MIB)]));
    const temporary = join(place.home, 'tmp', 'service');
    await vi.waitFor(async () => expect(await bytesBelow(temporary)).toBeGreaterThan(MIB), 20_000);
    expect((await usage(first)).reserved).toBeGreaterThan(7 * MIB);
    await first.end('SIGKILL');
    const second = await start();
    try {
      expect(await usage(second)).toEqual({ stored: 0, reserved: 0, limit: 10 * MIB });
      // The start probes isolation there for a moment.
      await vi.waitFor(async () => expect(await bytesBelow(temporary)).toBe(0), 20_000);
    } finally {
      await second.end('SIGTERM');
      await removePlace(place);
    }
  },
);
