import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { endlessLoop, hiddenFolding, hostileCard, nestedIf } from '../hostile-models.js';
import { childrenOf } from '../process.js';
import { multipart, type Part, type RunningService, runningService } from '../running-service.js';
import { makeKey } from '../with-key.js';

/** Files that keep a process at work until a deadline, and one owner who waits for nothing of another's. */
let service: RunningService;
let root: Tenant;
let ada: Tenant;
let bea: Tenant;
let picture: Part;

type Tenant = Awaited<ReturnType<typeof makeKey>>;

const start = async (more: Parameters<typeof runningService>[0] = {}) => {
  service = await runningService({ deadlines: { check: 60, activation: 60 }, ...more });
  root = await makeKey(service, { name: 'root', role: 'admin' });
  ada = await makeKey(service, { name: 'ada', role: 'member' }, root.key);
  bea = await makeKey(service, { name: 'bea', role: 'member' }, root.key);
};

beforeAll(async () => {
  await start();
  const create = { width: 16, height: 16, channels: 3, background: '#888' } as const;
  picture = {
    name: 'images',
    filename: 'grey.png',
    content: await sharp({ create }).png().toBuffer(),
  };
});
afterAll(() => service.stop());
// Nothing continues for a client that has left.
afterEach(() =>
  vi.waitFor(
    async () => {
      expect(childrenOf(process.pid)).toEqual([]);
      expect(await service.leftovers()).toEqual([]);
    },
    { timeout: 120_000, interval: 50 },
  ),
);

const model = (name: string, content: Uint8Array): Part[] => [
  { name: 'file', filename: `${name}.onnx`, content },
  { name: 'card', content: hostileCard(name) },
];

/** Requests whose client waits until it leaves. */
function impatient(by: Tenant, path: string, parts?: readonly Part[]) {
  const gone = new AbortController();
  const state = { answered: false, leave: () => gone.abort() };
  const form = parts && multipart(parts);
  const headers = { Authorization: `Bearer ${by.key}`, ...form?.headers };
  const how = form ? { method: 'POST', body: new Uint8Array(form.body as Buffer) } : {};
  fetch(`${service.url}${path}`, { ...how, headers, signal: gone.signal }).then(
    () => {
      state.answered = true;
    },
    () => {},
  );
  return state;
}

const working = (count: number) =>
  vi.waitFor(() => expect(childrenOf(process.pid)).toHaveLength(count), {
    timeout: 120_000,
    interval: 20,
  });

it("checks of an owner's files keep no other's waiting, and end with their clients", async () => {
  const slow = Array.from({ length: 6 }, (_, i) =>
    impatient(ada, '/v1/models', model(`slow${i}`, hiddenFolding(i))),
  );
  await working(2);
  const uploaded = await bea.upload(model('mine', nestedIf(2)));
  expect(uploaded.status).toBe(201);
  expect(slow.some(({ answered }) => answered)).toBe(false);
  for (const { leave } of slow) leave();
});

it('equal bytes of two owners are checked side by side', async () => {
  const first = impatient(ada, '/v1/models', model('slow', hiddenFolding()));
  await working(1);
  const second = impatient(bea, '/v1/models', model('slow', hiddenFolding()));
  await working(2);
  first.leave();
  second.leave();
});

it('downloads of a shipped model that nobody takes are not made', async () => {
  const many = Array.from({ length: 90 }, () => impatient(ada, '/v1/models/pixels/content'));
  await vi.waitFor(() => expect(childrenOf(process.pid).length).toBeGreaterThan(0), 20_000);
  for (const { leave } of many) leave();
  await vi.waitFor(() => expect(childrenOf(process.pid)).toEqual([]), 5000);
});

it("activations that never end keep no other's waiting", async () => {
  const [loop, mine] = [
    await ada.upload(model('loop', endlessLoop())),
    await bea.upload(model('mine', nestedIf(3))),
  ];
  const asked = (id: string): Part[] => [
    picture,
    ...Object.entries({ model: id, degrees: '8', layers: 'y' }).map(([name, content]) => ({
      ...{ name, content },
    })),
  ];
  const endless = [1, 2].map(() => impatient(ada, '/v1/activations', asked(loop.body.id)));
  await working(1);
  const { headers, body } = multipart(asked(mine.body.id));
  const answer = await bea.call('POST', '/v1/activations', { headers, body });
  expect(answer.status).toBe(200);
  expect(endless.some(({ answered }) => answered)).toBe(false);
  for (const { leave } of endless) leave();
});

it('deadlines say which option gives more, and time that came to nothing is counted', async () => {
  await service.stop();
  await start({ deadlines: { check: 4, activation: 1 }, failedSeconds: 2 });
  const upload = (by: Tenant) => by.upload(model('slow', hiddenFolding()));
  const late = await upload(ada);
  expect(late).toMatchObject({ status: 503, body: { type: '/problems/deadline-exceeded' } });
  expect(late.body.detail).toContain('after 4 seconds');
  expect(late.body.detail).toContain('--check-seconds');
  const refused = await upload(ada);
  expect(refused).toMatchObject({ status: 429, body: { type: '/problems/quota-exceeded' } });
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(60);
  expect((await ada.upload(model('good', nestedIf(2)))).status).toBe(429);
  expect((await bea.upload(model('good', nestedIf(2)))).status).toBe(201);
  expect((await root.upload(model('good', nestedIf(2)))).status).toBe(201);
});
