import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hubPlace, parseHubAddress } from '../../../src/data/hub/hub-address.js';
import { hubSnapshot } from '../../../src/data/hub/hub-repository.js';
import { type Answer, COMMIT, HubServer, REPOSITORY, refusal } from './hub-server.js';

const patience = { attempts: 2, firstWaitMs: 5, stallMs: 300 };
let hub: HubServer;
beforeEach(async () => {
  hub = new HubServer();
  await hub.start();
  hub.files.set('model.onnx', Buffer.from('a model'));
  hub.files.set('config.json', Buffer.from('{}'));
});
afterEach(() => hub.stop());

const look = (word = `hf:${REPOSITORY}`, token?: string) =>
  hubSnapshot(parseHubAddress(word), {
    place: hubPlace({ HF_ENDPOINT: `${hub.endpoint}/`, HF_TOKEN: token }),
    patience,
  });
const refused = (code: string, why: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(why) });
const answer =
  (value: unknown): Answer =>
  (_request, response) => {
    response.end(typeof value === 'string' ? value : JSON.stringify(value));
    return true;
  };
const info = `/api/models/${REPOSITORY}/revision/`;
const tree = `/api/models/${REPOSITORY}/tree/`;

test('a repository is its commit, its licence, and its files with sizes and digests', async () => {
  expect(await look()).toEqual({
    address: { repository: REPOSITORY },
    ...{ commit: COMMIT, licence: 'apache-2.0' },
    files: [
      {
        ...{ path: 'model.onnx', size: 7, algorithm: 'sha256' },
        digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
      // `git hash-object` of these two bytes.
      {
        ...{ path: 'config.json', size: 2, algorithm: 'git-blob' },
        digest: '9e26dfeeb6e641a33dae4961196235bdb965b21b',
      },
    ],
  });
});

test('a revision is asked for by name; files are those of its commit', async () => {
  hub.instead.set(`${info}refs%2Fpr%2F7`, answer({ sha: COMMIT }));
  expect((await look('hf:owner/net@refs/pr/7')).address.revision).toBe('refs/pr/7');
  expect(hub.asked).toEqual([`${info}refs%2Fpr%2F7`, `${tree}${COMMIT}?recursive=true`]);
});

test('all pages of a long list are read, from the hub that was named', async () => {
  for (let i = 0; i < 25; i++) hub.files.set(`${i}.txt`, Buffer.from(`${i}`));
  hub.pageSize = 10;
  expect((await look()).files).toHaveLength(27);
});

test('a hub that fails is asked again, and given up in the end', async () => {
  let failures = 1;
  hub.instead.set(info, (request, response) =>
    failures-- > 0 ? refusal(503)(request, response) : false,
  );
  expect((await look()).commit).toBe(COMMIT);
  hub.instead.set(info, refusal(429));
  await expect(look()).rejects.toEqual(
    refused('download-failed', /the hub answered 429 after 2 attempts at http/),
  );
});

test('a hub that is silent is not waited for', async () => {
  hub.instead.set(info, () => true);
  await expect(look()).rejects.toEqual(refused('download-failed', /no answer for 0\.3 s after 2/));
});

describe('who may not see it learns why:', () => {
  test.each([
    ['no such revision', 404, 'RevisionNotFound', undefined, /has no revision "v9"/],
    [
      'no such model',
      404,
      'RepoNotFound',
      'hf_x',
      /no model owner\/net, or.*HF_TOKEN is not valid/,
    ],
    ['no such model, no token', 401, 'RepoNotFound', undefined, /private and it needs HF_TOKEN/],
    ['a token that is none', 401, undefined, 'hf_x', /no model owner\/net/],
  ] as const)('%s', async (_, status, code, token, words) => {
    hub.instead.set(info, refusal(status, code));
    const error = await look('hf:owner/net@v9', token).catch((thrown) => thrown);
    expect(error).toEqual(refused('not-found', words));
    expect(error.message).not.toContain('hf_x');
  });
});

describe('an answer that is none of a hub is refused:', () => {
  const file = { type: 'file', path: 'model.onnx', size: 7, oid: COMMIT };
  test.each<[string, string, unknown, RegExp]>([
    ['a page of words', info, '<html>', /body in the answer of the hub should be JSON/],
    ['no commit', info, { sha: 'main' }, /sha .* 40 hexadecimal digits, found "main"/],
    ['nesting', info, '['.repeat(1e6), /should be JSON/],
    ['an object for a list', tree, { error: 'x' }, /tree .* a list/],
    ['a way up', tree, [{ ...file, path: '../../.bashrc' }], /path inside of the repository/],
    ['a way up in the middle', tree, [{ ...file, path: 'a/../../b' }], /path inside/],
    ['an absolute path', tree, [{ ...file, path: '/etc/passwd' }], /path inside/],
    ['a negative size', tree, [{ ...file, size: -1 }], /size of "model\.onnx" .* number of bytes/],
    ['a size that is none', tree, [{ ...file, size: 1e300 }], /number of bytes/],
    ['no digest', tree, [{ ...file, oid: 'x' }], /oid of "model\.onnx" .* a digest/],
    ['a short digest', tree, [{ ...file, lfs: { oid: COMMIT, size: 7 } }], /digest \(sha256\)/],
  ])('%s', async (_, at, value, words) => {
    hub.instead.set(at, answer(value));
    const error = await look().catch((thrown) => thrown);
    expect(error).toEqual(refused('download-failed', words));
    expect(error.message.length).toBeLessThan(500);
  });

  test('names that not every disk takes are left out', async () => {
    const odd = ['C:\\x', 'a\u001b[2J', 'x'.repeat(300), `${'a/'.repeat(1e5)}b`, 'model.onnx'];
    hub.instead.set(tree, answer(odd.map((path) => ({ ...file, path }))));
    expect((await look()).files.map(({ path }) => path)).toEqual(['model.onnx']);
  });

  test('one that does not end', async () => {
    let sent = 0;
    hub.instead.set(tree, (_request, response) => {
      const more = () => {
        sent += 65536;
        if (!response.destroyed && sent < 2 ** 28) response.write(Buffer.alloc(65536, '['), more);
      };
      more();
      return true;
    });
    await expect(look()).rejects.toEqual(refused('download-failed', /length .* at most 16777216/));
    expect(sent).toBeLessThan(2 ** 26);
  });

  test('pages without end', async () => {
    hub.instead.set(tree, (_request, response) => {
      response.setHeader('Link', '<https://other.invalid/?cursor=x>; rel="next"').end('[]');
      return true;
    });
    await expect(look()).rejects.toEqual(refused('download-failed', /at most 50 pages/));
  });

  test.each(['https://other.invalid/x', 'file:///etc/passwd'])('a redirect to %s', async (to) => {
    hub.instead.set(info, (_request, response) => {
      response.writeHead(307, { location: to }).end();
      return true;
    });
    await expect(look(undefined, 'hf_x')).rejects.toEqual(
      refused('download-failed', /redirects to/),
    );
  });
});

describe('addresses', () => {
  test.each([
    ['hf:owner/net', { repository: 'owner/net' }],
    ['hf:a-b_c/d.e@v1.0', { repository: 'a-b_c/d.e', revision: 'v1.0' }],
    ['hf:o/n@refs/pr/1', { repository: 'o/n', revision: 'refs/pr/1' }],
  ])('%s', (word, address) => expect(parseHubAddress(word)).toEqual(address));

  test.each([
    ...[
      'hf:net',
      'hf:owner/net/more',
      'hf:../net',
      'hf:o/..',
      'hf:o/a..b',
      'hf:o/n@',
      'hf:o/n@a..b',
    ],
    ...['hf:o/n?x', 'hf:o/n@x y', 'hf:-o/n', `hf:o/${'n'.repeat(200)}`],
  ])('%s is none', (word) => {
    expect(() => parseHubAddress(word)).toThrow(/Expected hf:owner\/name/);
  });

  test('the endpoint and the token are of the environment', () => {
    expect(hubPlace({})).toEqual({ endpoint: 'https://huggingface.co' });
    expect(hubPlace({ HF_ENDPOINT: 'https://mirror.example/hf/', HF_TOKEN: ' hf_x\n' })).toEqual({
      ...{ endpoint: 'https://mirror.example/hf', token: 'hf_x' },
    });
    for (const HF_ENDPOINT of ['ftp://x', 'huggingface.co', 'https://u:p@x', 'https://x?y'])
      expect(() => hubPlace({ HF_ENDPOINT })).toThrow(/HF_ENDPOINT: expected an address/);
    expect(() => hubPlace({ HF_ENDPOINT: 'http://mirror.example', HF_TOKEN: 'hf_x' })).toThrow(
      /HF_TOKEN is not sent unencrypted/,
    );
    expect(() => hubPlace({ HF_TOKEN: 'a\nb: c' })).toThrow(/HF_TOKEN: expected a token/);
  });
});
