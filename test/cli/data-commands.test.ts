import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { registerBenchmarks } from '../../src/cli/commands/benchmarks.js';
import { registerData } from '../../src/cli/commands/data.js';
import { addGlobalOptions } from '../../src/cli/options/global-options.js';
import { answer, UnreliableServer } from '../data/unreliable-server.js';
import { ORACLE } from '../oracle.js';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ventral-data-commands-'));
});
afterEach(() => {
  rmSync(home, { recursive: true });
  process.exitCode = undefined;
});

/** Runs a command line in a pipe; gives what it printed, or throws what it threw. */
async function ventral(...words: string[]): Promise<{ out: string; err: string }> {
  return typed(words);
}

/** @param columns width of the terminal; a pipe where it is left out */
async function typed(
  words: readonly string[],
  columns?: number,
): Promise<{ out: string; err: string }> {
  const printed = { out: '', err: '' };
  const io = {
    out(text: string) {
      printed.out += text;
    },
    err(text: string) {
      printed.err += text;
    },
    interactive: false,
    color: false,
    ...(columns === undefined ? {} : { columns }),
  };
  const program = addGlobalOptions(new Command('ventral').exitOverride());
  registerData(program, io);
  registerBenchmarks(program, io);
  await program.parseAsync(['node', 'ventral', ...words, '--home', home]);
  return printed;
}

describe('ventral data', () => {
  test('list prints one line an entry, and JSON', async () => {
    const lines = (await ventral('data', 'list')).out.trimEnd().split('\n');
    expect(lines).toHaveLength(1 + 251);
    expect(lines[0]).toBe('name\tkind\taccess\there\tterms');
    expect(lines).toContainEqual(
      expect.stringMatching(/^FreemanZiemba2013\.public\trecordings\tpublic\tno\t/),
    );
    const listed = JSON.parse((await ventral('data', 'list', '--json')).out);
    const freeman = listed.find(
      ({ identifier }: { identifier: string }) => identifier === 'FreemanZiemba2013.public',
    );
    expect(freeman).toMatchObject({ here: false });
    expect(freeman.files[0]).toMatchObject({ sha1: expect.any(String), url: expect.any(String) });
  });

  test('pull takes a benchmark as well as a catalog name, and says what is private', async () => {
    const server = new UnreliableServer(Buffer.from('wrong'));
    const from = await server.start();
    try {
      server.plan(answer(403), answer(403));
      await expect(
        ventral('data', 'pull', 'MajajHong2015.IT-pls', '--from', from),
      ).rejects.toMatchObject({ code: 'download-forbidden', exit: 1 });
      expect(server.paths).toEqual(['/stimulus_hvm-private.csv']);
      const { err } = await ventral('data', 'pull', 'hvm-private', 'hvm-public', '--from', from);
      expect(err).toMatch(/hvm-private: .*private.*\n.*hvm-public: .*expected SHA-1/);
      expect(process.exitCode).toBe(1);
    } finally {
      await server.stop();
    }
  });

  test.each([
    [
      ['pull', 'FreemanZiemba2013public.V1-plss'],
      'data-missing',
      '"FreemanZiemba2013public.V1-pls"',
    ],
    [['pull', 'hvm', '--from', 'ftp://here'], 'bad-usage', 'ftp://here'],
    [['import', 'a.nc', 'b.nc', '--as', 'hvm'], 'bad-usage', '2 files'],
    [['import', '/no/such/file.nc'], 'file-missing', '/no/such/file.nc'],
  ])('%j is refused', async (words, code, sentence) => {
    await expect(ventral('data', ...words)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(sentence),
    });
  });

  test('import --as, list and verify agree on what is here', async () => {
    const mine = join(home, 'mine.csv');
    writeFileSync(mine, 'stimulus_id\n1\n');
    const { out, err } = await ventral('data', 'import', mine, '--as', 'hvm-public');
    const path = out.trimEnd();
    expect(readFileSync(path, 'utf8')).toBe('stimulus_id\n1\n');
    expect(err).toContain('hvm-public');
    expect((await ventral('data', 'verify')).out).toBe(`state\tfile\nok\t${path}\n`);
    writeFileSync(path, 'stimulus_id\n2\n');
    await expect(ventral('data', 'verify')).rejects.toMatchObject({
      code: 'checksum-mismatch',
      message: expect.stringContaining(path),
    });
  });
});

describe('recordings that their authors publish', () => {
  test('show paper, licence and what the authors ask for, and wait for somebody to accept', async () => {
    const server = new UnreliableServer(Buffer.from('wrong'));
    const from = await server.start();
    try {
      const run = ventral('data', 'pull', 'KarDemo.IT-pls', '--from', from);
      await expect(run).rejects.toMatchObject({ code: 'terms-not-accepted', exit: 2 });
      expect(server.requests).toEqual([]);
      const accepted = ventral('data', 'pull', 'KarDemo', '--from', from, '--accept-terms');
      await expect(accepted).rejects.toMatchObject({
        code: 'checksum-mismatch',
        message: expect.stringMatching(/sample_neuron\.h5: expected 323712 bytes, but 5/),
      });
    } finally {
      await server.stop();
    }
  });

  test('are imported by name; what is no publication is told', async () => {
    await expect(ventral('data', 'import', 'KarDemo', '--from', home)).rejects.toMatchObject({
      code: 'data-missing',
      message: expect.stringContaining('data/sample_neuron.h5; they are at https://github.com/'),
    });
    await expect(ventral('data', 'import', 'hvm-public', '--from', home)).rejects.toMatchObject({
      code: 'bad-usage',
      message: expect.stringContaining('recognises its files by SHA-1'),
    });
    await expect(ventral('data', 'import', 'KarDemos', '--from', home)).rejects.toMatchObject({
      code: 'data-missing',
      message: expect.stringContaining('"KarDemo"'),
    });
  });

  test('are listed with licence, and benchmarks with theirs and what to beware of', async () => {
    const listed = JSON.parse((await ventral('data', 'list', '--json')).out);
    expect(listed).toContainEqual(
      expect.objectContaining({
        identifier: 'Cichy2014.IT',
        kind: 'rdms',
        here: false,
        converted: { publication: 'Cichy2014', files: [{ role: 'csv', file: 'cichy2014-it.csv' }] },
      }),
    );
    const benchmarks = JSON.parse((await ventral('benchmarks', 'list', '--json')).out);
    const of = (id: string) => benchmarks.find((one: { id: string }) => one.id === id);
    expect(of('Cowley2023.V4-pls')).toMatchObject({ licences: ['GPL-3.0'], caution: null });
    expect(of('Henaff2021random.V1-pls').caution).toMatch(/leak/);
    expect(of('KarDemo.IT-pls').caution).toMatch(/One site/);
    expect(of('Henaff2021.V1-pls').licences).toEqual(['none stated']);
  });
});

describe('ventral benchmarks', () => {
  test('list prints one line a benchmark, and JSON', async () => {
    const { out } = await ventral('benchmarks', 'list');
    expect(out).toMatch(/^FreemanZiemba2013public\.V1-pls\tpls\tpublic\tno\t/m);
    const listed = JSON.parse((await ventral('benchmarks', 'list', '--json')).out);
    expect(listed).toContainEqual(
      expect.objectContaining({
        id: 'Rajalingham2018-i2n',
        access: 'private',
        simulated: false,
        verified: false,
        ready: false,
      }),
    );
  });

  test('list shows at least 250 of the 272 identifiers that Brain-Score registers', async () => {
    const lines = (await ventral('benchmarks', 'list')).out.trimEnd().split('\n').slice(1);
    const registered = JSON.parse(readFileSync('benchmarks/registered.json', 'utf8'));
    const rows = new Map(lines.map((line) => [line.split('\t')[0], line.split('\t')]));
    const own = registered.identifiers.map((id: string) => registered.called[id] ?? id);
    const listed = own.filter((id: string) => rows.has(id));
    expect(own).toHaveLength(272);
    expect(listed.length).toBeGreaterThanOrEqual(250);
    for (const id of listed) {
      const [, metric, data, here, licence, title, kind, checks] = rows.get(id) ?? [];
      expect([metric, here, title, kind, checks].every(Boolean), id).toBe(true);
      expect(['public', 'private', 'agreement'], id).toContain(data);
      expect(licence, id).toBeDefined();
    }
    expect(rows.get('Zerbe2026_fmri.V1-cka')?.slice(1, 4)).toEqual(['cka', 'agreement', 'no']);
  });

  const ids = ({ out }: { readonly out: string }) =>
    out
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split('\t')[0]);
  test('list takes words, a region, an access, and what is here', async () => {
    expect(ids(await ventral('benchmarks', 'list', 'papale', '--region', 'IT'))).toEqual([
      'Papale2025.IT-ridge',
      'Papale2025.IT-ridgecv',
    ]);
    expect(ids(await ventral('benchmarks', 'list', 'li2026', '--region', 'V2'))).toEqual([
      'Li2026.V2-ridgecv',
      'Li2026.V2-rdm',
      'Li2026.V2-pls',
    ]);
    const agreed = ids(await ventral('benchmarks', 'list', '--access', 'agreement'));
    expect(agreed).toHaveLength(25);
    const here = ids(await ventral('benchmarks', 'list', '--here', '--region', 'V1'));
    expect(here).toContain('Simulated.V1-pls');
    expect(here).not.toContain('FreemanZiemba2013.V1-pls');
    expect(await ventral('benchmarks', 'list', 'nosuch')).toMatchObject({
      out: '',
      err: expect.stringContaining('no matching benchmarks'),
    });
    await expect(ventral('benchmarks', 'list', '--region', 'v1')).rejects.toThrow(
      /--region: expected one of V1, V2, V4, IT, behavior, found "?v1/,
    );
    await expect(ventral('benchmarks', 'list', '--access', 'publik')).rejects.toThrow(/public/);
  });

  test('list shows experiments in a terminal, each benchmark where some are asked for', async () => {
    const { out } = await typed(['benchmarks', 'list'], 120);
    expect(out).toMatch(/^Geirhos2021 +34 +labels +public +no +34$/m);
    expect(out).toMatch(/^Marques2020 +22 /m);
    expect(out).not.toContain('Geirhos2021edge-top1');
    expect(out.split('\n').length).toBeLessThan(150);
    expect(out).toMatch(/\d+ benchmarks, \d+ with all data here\. `ventral benchmarks list WORD`/);
    expect((await typed(['benchmarks', 'list', 'edge-top1'], 120)).out).toContain(
      'Geirhos2021edge-top1',
    );
    expect((await typed(['benchmarks', 'list', '--all'], 300)).out).toContain(
      'Geirhos2021edge-top1',
    );
  });

  test('show and data pull take a family', async () => {
    const shown = JSON.parse(
      (await ventral('benchmarks', 'show', 'Geirhos2021{set}-{measure}')).out,
    );
    expect(shown).toHaveLength(34);
    expect(shown[0]).toMatchObject({ family: 'Geirhos2021{set}-{measure}', kind: 'labels' });
  });

  test('show tells definition and published numbers', async () => {
    const shown = JSON.parse(
      (await ventral('benchmarks', 'show', 'MajajHong2015public.IT-pls')).out,
    );
    expect(shown).toMatchObject({
      id: 'MajajHong2015public.IT-pls',
      version: 4,
      region: 'IT',
      data: ['hvm-public', 'MajajHong2015.public'],
      published: { ceiling: { value: 0.81579938 } },
    });
    const both = JSON.parse(
      (await ventral('benchmarks', 'show', 'MajajHong2015.{region}-pls')).out,
    );
    expect(both.map(({ id }: { id: string }) => id)).toEqual([
      'MajajHong2015.V4-pls',
      'MajajHong2015.IT-pls',
    ]);
  });

  test('check reads the data too, and says where the file is wrong', async () => {
    const right = join(ORACLE, '09-end-to-end', 'neural-csv', 'benchmark.yaml');
    expect((await ventral('benchmarks', 'check', right)).out).toContain(
      'no problems found: end-to-end.objects.V4-pls, end-to-end.objects.IT-pls',
    );
    const wrong = join(home, 'wrong.yaml');
    const text = readFileSync(right, 'utf8');
    writeFileSync(wrong, text.replace('components', 'component'));
    await expect(ventral('benchmarks', 'check', wrong)).rejects.toMatchObject({
      code: 'benchmark-invalid',
      message: expect.stringMatching(/wrong\.yaml:8:22 .*"component".*"components"/),
    });
    writeFileSync(wrong, text);
    await expect(ventral('benchmarks', 'check', wrong)).rejects.toMatchObject({
      code: 'file-missing',
      message: expect.stringContaining('stimuli.csv'),
    });
  });

  test('check of a file whose data are to be fetched says so', async () => {
    const { out, err } = await ventral(
      'benchmarks',
      'check',
      join('benchmarks', 'majajhong2015', 'public.yaml'),
    );
    expect(out).toContain('no problems found');
    expect(err).toContain('only the file was checked');
  });

  test('verify needs the data', async () => {
    await expect(
      ventral('benchmarks', 'verify', 'FreemanZiemba2013public.V1-pls'),
    ).rejects.toMatchObject({ code: 'data-missing', exit: 2 });
  });
});
