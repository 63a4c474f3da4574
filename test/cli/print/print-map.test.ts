import { parse } from 'csv-parse/sync';
import { describe, expect, test } from 'vitest';
import { mapCsv, printMap, printPlan, regionLayerMap } from '../../../src/cli/print/print-map.js';
import type { Io } from '../../../src/cli/terminal/io.js';
import { visibleName } from '../../../src/report/visible-name.js';
import type { LayerMap } from '../../../src/scoring/map/layer-map-types.js';
import type { Score } from '../../../src/scoring/measure/score.js';
import { hostileNames, madeMap } from '../made-map.js';

/** Streams that are remembered. */
function remembered({ interactive = false, color = false } = {}) {
  const printed = { out: '', err: '' };
  const io: Io = {
    out(text) {
      printed.out += text;
    },
    err(text) {
      printed.err += text;
    },
    ...(interactive ? { columns: 160 } : {}),
    interactive,
    color,
  };
  return { io, printed };
}

function printedMap(map: LayerMap, how: { interactive?: boolean; color?: boolean } = {}) {
  const { io, printed } = remembered(how);
  printMap(map, io);
  expect(printed.err).toBe('');
  return printed.out;
}

const ESCAPE = '\u001b';

describe('a map where a person watches', () => {
  test('is a table in execution order, with what was chosen and what is tied', () => {
    const map = madeMap({ holdout: true });
    const text = printedMap(map, { interactive: true });
    const places = map.layers.map(({ layer }) => text.indexOf(`\n${layer} `));
    expect(places.every((place) => place > 0)).toBe(true);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(text).toMatch(/^blocks\.2\.0 +32,914 +22 +● 0\.246 +0\.290 /m);
    expect(text).toMatch(/^blocks\.2\.1 .* ○ 0\.241 /m);
    expect(text).toContain('V1       FreemanZiemba2013public.V1-pls\n');
    expect(text).toMatch(
      /^V1: blocks\.2\.0, 0\.246 \(95 % interval 0\.229 to 0\.263, selection\), ceiling 0\.870; tied with /m,
    );
    expect(text).toContain('Brain-Score selects on activations reduced');
    expect(text).toContain('IT: blocks.5.1, 0.500 (95 % interval 0.478 to 0.522); 0.536 where');
    expect(text).toContain('i2n: 12 stimuli of each object are too few\n');
  });

  test('says why a cell has no value, in the table or under it', () => {
    const map = madeMap();
    const text = printedMap(map, { interactive: true });
    expect(text).toMatch(/ {2}24 units < 25 components +0\.081$/m);
    const reason = 'a reason that is far too long for one cell';
    const [row, ...rest] = map.layers;
    const cells = { ...row.cells, [map.benchmarks[1]]: { reason } };
    const noted = printedMap(
      { ...map, layers: [{ ...row, cells }, ...rest] },
      { interactive: true },
    );
    expect(noted).toMatch(/^conv_stem .* \[1\] /m);
    expect(noted).toContain(`\n[1] ${reason}\n`);
  });

  test('is coloured only where colours are wanted', () => {
    expect(printedMap(madeMap(), { interactive: true })).not.toContain(ESCAPE);
    const text = printedMap(madeMap(), { interactive: true, color: true });
    expect(text).toContain(`${ESCAPE}[48;5;`);
    const best = text.split('\n').find((line) => line.startsWith('blocks.2.0 ')) ?? '';
    // Black on the yellow end of the scale.
    expect(best).toContain(`${ESCAPE}[48;5;220m${ESCAPE}[38;5;16m● 0.246`);
  });

  test('says which benchmarks are simulated', () => {
    const text = printedMap(madeMap(), { interactive: true });
    expect(text).toMatch(/^IT +Simulatedpublic\.IT-pls {2}SIMULATED/m);
    expect(text.match(/SIMULATED/g)).toHaveLength(1);
  });

  test('lets no name move the cursor or turn the writing', () => {
    const text = printedMap(madeMap({ hostile: true }), { interactive: true, color: false });
    expect(text).not.toMatch(/[^\P{Cc}\n]|[\u202a-\u202e\u2066-\u2069]/u);
    expect(text).toContain('safe⟨U+202E⟩gpj.exe');
    expect(text).toMatch(/very-long-end {2}/);
  });

  test('says where a column has no value at all', () => {
    const map = madeMap();
    const [id] = map.benchmarks;
    const layers = map.layers.map((row) => ({
      ...row,
      cells: { ...row.cells, [id]: { reason: 'no' } },
    }));
    const { [id]: _, ...chosen } = map.chosen;
    const text = printedMap({ ...map, layers, chosen }, { interactive: true });
    expect(text).toContain('V1: no layer has a value\n');
    expect(text).not.toMatch(/NaN|Infinity|undefined/);
  });
});

test('a map in a pipe is TSV with the columns of CSV, then the held-out half', () => {
  const map = madeMap({ holdout: true, hostile: true });
  const [cells, holdout] = printedMap(map)
    .trimEnd()
    .split('\n\n')
    .map((part): Record<string, string>[] =>
      parse(part, { columns: true, delimiter: '\t', quote: false }),
    );
  const plain = (text: string) => visibleName(text.replaceAll(/[\t\n]/g, ' '));
  const csv: Record<string, string>[] = parse(mapCsv(map), { columns: true });
  const asIs = ([name, value]: [string, string]) => [name, plain(value.replace(/^'/, ''))];
  expect(cells).toEqual(csv.map((row) => Object.fromEntries(Object.entries(row).map(asIs))));
  expect(cells[18 * 5]).toMatchObject({ layer: 'blocks.2.0', units: '32914', chosen: 'chosen' });
  expect(Number(cells[18 * 5].value)).toBe(
    (map.layers[18].cells[map.benchmarks[0]] as Score).value,
  );
  expect(holdout).toHaveLength(5);
  expect(holdout[4]).toEqual({
    benchmark: 'Rajalingham2018public-i2n',
    held_out_layer: '',
    value: '',
    ci_low: '',
    ci_high: '',
    reason: '12 stimuli of each object are too few',
  });
});

describe('a plan', () => {
  test('is told on stderr in few lines', () => {
    const { io, printed } = remembered();
    printPlan(madeMap().plan, io, { verbose: false });
    expect(printed).toEqual({
      out: '',
      err: `66 layers, 24 to 230,400 units each, 2,109,482 in all
FreemanZiemba2013public.V1-pls, FreemanZiemba2013public.V2-pls: 135 stimuli, 1 pass of the network
MajajHong2015public.V4-pls, Simulatedpublic.IT-pls: 3,200 stimuli, no pass, 66 layers from the cache
Rajalingham2018public-i2n: 2,400 stimuli, 2 passes of the network
memory 431 MiB beyond the network's own, scratch disk 0 B
`,
    });
  });

  test('names every layer where that is asked for', () => {
    const { io, printed } = remembered();
    const { plan } = madeMap({ hostile: true });
    printPlan(plan, io, { verbose: true });
    expect(printed.err).toContain('  blocks.2.0  32,914\n');
    expect(printed.err).toMatch(/^ {2}pass 2: blocks\./m);
    expect(printed.err).not.toContain(ESCAPE);
  });

  test('says which regressions are solved in tiles, what they write and how long they take', () => {
    const { io, printed } = remembered();
    const tiles = [
      {
        benchmark: 'Papale2025.V1-ridge',
        overStimuli: 1,
        overUnits: 7,
        scratch: 2 ** 31,
        seconds: 4500,
      },
    ];
    printPlan({ layers: [], sets: [], tiles, memory: 0, scratch: 2 ** 31 }, io, { verbose: false });
    expect(printed.err).toContain(
      'Papale2025.V1-ridge: regressions in tiles, 1 layer over stimuli, 7 layers over units, 2.0 GiB of scratch disk, about 1 h 15 min\n',
    );
  });

  test('of a map that is cached altogether', () => {
    const { io, printed } = remembered();
    printPlan({ layers: [], sets: [], memory: 0, scratch: 2 ** 31 }, io, { verbose: false });
    expect(printed.err).toBe(
      "no layers to measure\nmemory 0 B beyond the network's own, scratch disk 2.0 GiB\n",
    );
  });
});

describe('a map as CSV', () => {
  const map = madeMap({ hostile: true });
  const rows: Record<string, string>[] = parse(mapCsv(map), { columns: true });

  test('is one line a cell, numbers in full', () => {
    expect(rows).toHaveLength(67 * 5);
    const { layer, cells } = map.layers[18];
    const score = cells[map.benchmarks[0]];
    if ('reason' in score) throw new Error('no score');
    expect(rows[18 * 5]).toMatchObject({
      model: map.name,
      layer,
      aliases: 'blocks.2.0.drop_path',
      units: '32914',
      benchmark: 'FreemanZiemba2013public.V1-pls',
      region: 'V1',
      value: String(score.value),
      ci_low: String(score.ci?.[0]),
      raw: String(score.raw.value),
      chosen: 'chosen',
      selection: 'true',
      simulated: 'false',
      reason: '',
      inputs: score.provenance.inputs,
    });
    expect(rows.filter(({ simulated }) => simulated === 'true')).toHaveLength(67);
  });

  test('keeps refused cells with their reason', () => {
    expect(rows[3 * 5]).toMatchObject({
      units: '24',
      value: '',
      ci_low: '',
      selection: '',
      reason: '24 units < 25 components',
      inputs: '',
    });
  });

  test('holds no formula', () => {
    expect(rows[5 * 5].layer).toBe(`'${hostileNames[5]}`);
    expect(rows.some(({ layer }) => /^[=+@-]/.test(layer))).toBe(false);
  });
});

test("the choice as Brain-Score's region_layer_map", () => {
  const map = madeMap();
  expect(regionLayerMap(map)).toEqual({
    V1: 'blocks.2.0',
    V2: 'blocks.3.0.conv_pwl',
    V4: 'blocks.4.1.bn1',
    IT: 'blocks.5.1',
  });
  expect(regionLayerMap({ ...map, chosen: {} })).toEqual({});
});
