import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FairTurns } from '../../../src/service/http/fair-turns.js';
import { type RunningService, runningService } from '../running-service.js';
import { makeKey } from '../with-key.js';

let service: RunningService;
beforeAll(async () => {
  service = await runningService();
});
afterAll(() => service.stop());

it('one of each owner begins in a turn of the event loop', async () => {
  const turns = new FairTurns();
  const began: string[] = [];
  const begin = (owner: string) => turns.begin(owner).then(() => began.push(owner));
  const all = [
    ...Array.from({ length: 50 }, () => begin('ada')),
    ...Array.from({ length: 3 }, () => begin('bea')),
    begin('cleo'),
  ];
  await Promise.all(all);
  expect(began.slice(0, 7)).toEqual(['ada', 'bea', 'cleo', 'ada', 'bea', 'ada', 'bea']);
  expect(began).toHaveLength(54);
});

it('who comes later than another begins before what that one has waiting', async () => {
  const turns = new FairTurns();
  const began: string[] = [];
  const begin = (owner: string) => turns.begin(owner).then(() => began.push(owner));
  const all = Array.from({ length: 50 }, () => begin('ada'));
  await new Promise((resolve) => setImmediate(resolve));
  all.push(begin('bea'));
  await Promise.all(all);
  expect(began.indexOf('bea')).toBeLessThan(5);
});

it('a read is answered before most of those that another owner sent first', async () => {
  const root = await makeKey(service, { name: 'root', role: 'admin' });
  const ada = await makeKey(service, { name: 'ada', role: 'member' }, root.key);
  const bea = await makeKey(service, { name: 'bea', role: 'member' }, root.key);
  const { hostname, port, host } = new URL(service.url);
  const connected = async () => {
    const socket = connect(Number(port), hostname);
    // Node accepts one connection in a turn: an answered one is accepted.
    socket.write(`GET /v1/health HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    await once(socket, 'data');
    return socket;
  };
  const sockets = await Promise.all(Array.from({ length: 101 }, connected));
  const answered: string[] = [];
  const read = (socket: Socket, key: string, owner: string) => {
    socket.write(
      `GET /v1/scores HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${key}\r\n\r\n`,
    );
    return once(socket, 'data').then(([data]) => {
      expect(String(data)).toMatch(/^HTTP\/1.1 200/);
      answered.push(owner);
    });
  };
  const last = sockets.pop() as Socket;
  // All of them lie with the system before the service reads the first.
  const all = [
    ...sockets.map((socket) => read(socket, ada.key, 'ada')),
    read(last, bea.key, 'bea'),
  ];
  await Promise.all(all);
  for (const socket of [...sockets, last]) socket.destroy();
  expect(answered).toHaveLength(101);
  expect(answered.indexOf('bea')).toBeLessThan(50);
});
