import { describe, expect, test } from 'vitest';
import { parseSize } from '../../src/cli/options/global-options.js';
import { printScores } from '../../src/cli/print/print-scores.js';
import type { Io } from '../../src/cli/terminal/io.js';
import { progressBar } from '../../src/cli/terminal/progress-bar.js';
import { VentralError } from '../../src/errors/ventral-error.js';
import type { Score } from '../../src/scoring/measure/score.js';

/** Streams that are remembered. */
function remembered(interactive: boolean) {
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
    color: false,
  };
  return { io, printed };
}

const score: Score = {
  benchmark: 'made.V1-pls',
  version: 1,
  region: 'V1',
  simulated: true,
  verified: false,
  model: 'sha256:0',
  name: '=net',
  layer: 'conv',
  layerChoice: { by: 'card' },
  selection: false,
  value: 0.25,
  error: null,
  ci: [0.2, 0.3],
  formula: 'raw',
  errorOf: 'raw',
  errorKind: 'sem over splits',
  raw: { value: 0.5, error: null, splits: [] },
  ceiling: null,
  warnings: [{ code: 'neuroids-dropped', detail: '1 of 102' }],
  provenance: {
    ventral: '0',
    metric: 'pls@1',
    inputs: 'sha256:1',
    runtime: { ort: '0', provider: 'cpu', threads: 1 },
    seconds: 1,
    peakRssMiB: 1,
  },
};
const outcome = {
  scores: [score],
  failures: [{ benchmark: 'made.V2-pls', error: new VentralError('layer-unset', 'No layer') }],
};

describe('scores are printed', () => {
  test('as a table where a person watches', () => {
    const { io, printed } = remembered(true);
    printScores(outcome, { verbose: false }, io);
    expect(printed.out).toMatch(/^=net +made\.V1-pls +conv/m);
    // Without an error nothing follows a ±.
    expect(printed.out).toMatch(/ 0\.2500 {2}/);
    expect(printed.err).toBe(
      'made.V1-pls: neuroids-dropped: 1 of 102\nventral: made.V2-pls: No layer\n',
    );
  });

  test('as TSV in a pipe: the columns of CSV, numbers in full', () => {
    const { io, printed } = remembered(false);
    printScores(outcome, { verbose: false }, io);
    expect(printed.out.split('\n')).toEqual([
      'model\tbenchmark\tlayer\tvalue\terror\tci_low\tci_high\traw\traw_error\tceiling\tselection\tchosen_on\tsimulated\tverified\tinputs\tgeneralises\tdrawn\tanimals',
      '=net\tmade.V1-pls\tconv\t0.25\t\t0.2\t0.3\t0.5\t\t\tfalse\t\ttrue\tfalse\tsha256:1\t\t\t',
      '',
    ]);
  });

  test('as CSV in which nothing is a formula', () => {
    const { io, printed } = remembered(true);
    printScores(outcome, { csv: true, verbose: false }, io);
    expect(printed.out.split('\n').slice(0, 2)).toEqual([
      'model,benchmark,layer,value,error,ci_low,ci_high,raw,raw_error,ceiling,selection,chosen_on,simulated,verified,inputs,generalises,drawn,animals',
      "'=net,made.V1-pls,conv,0.25,,0.2,0.3,0.5,,,false,,true,false,sha256:1,,,",
    ]);
  });

  const printedAs = (more: Partial<Score>, csv = false) => {
    const { io, printed } = remembered(true);
    const wide: Io = { ...io, columns: 1000 };
    printScores({ scores: [{ ...score, ...more }], failures: [] }, { csv, verbose: false }, wide);
    return (
      printed.out
        .trimEnd()
        .split('\n')
        .at(-1)
        ?.split(csv ? ',' : / {2,}/) ?? []
    );
  };
  const raw = { value: 0.5, error: 0.009, splits: [0.49, 0.51] };

  test('with the error beside what it is of', () => {
    expect(printedAs({ raw, error: 0.009 }).slice(3, 6)).toEqual([
      '0.2500',
      '0.200 … 0.300',
      '0.5000 ± 0.009',
    ]);
    const ofValue = printedAs({ raw, error: 0.02, errorOf: 'value' });
    expect([ofValue[3], ofValue[5]]).toEqual(['0.2500 ± 0.020', '0.5000 ± 0.009']);
  });

  test('without ± where there is no error: one comparison, one split', () => {
    const whole = { value: 0.5, error: 0, splits: [0.5] };
    for (const errorKind of ['none', 'sem over splits'])
      expect(printedAs({ raw: whole, error: 0, errorKind }).join()).not.toContain('±');
  });

  test('with the benchmark on which their layer was chosen', () => {
    const by = (benchmark: string) => ({
      layerChoice: { by: { benchmark, version: 1, inputs: 'sha256:2', method: 'highest' } },
    });
    const same = { ...by('made.V1-pls'), selection: true };
    expect(printedAs(same).at(-1)).toBe('simulated, selection: layer chosen on this benchmark');
    expect(printedAs(same, true).slice(10, 12)).toEqual(['true', 'made.V1-pls']);
    expect(printedAs({ ...by('public.V1-pls'), selection: true }).at(-1)).toBe(
      'simulated, selection: layer chosen on public.V1-pls, which shares stimuli',
    );
    expect(printedAs(by('public.V1-pls')).at(-1)).toBe('simulated, layer chosen on public.V1-pls');
  });

  test('as the JSON that they are, warnings inside', () => {
    const { io, printed } = remembered(true);
    printScores(outcome, { json: true, verbose: false }, io);
    expect(JSON.parse(printed.out)).toEqual([score]);
    expect(printed.err).toBe('ventral: made.V2-pls: No layer\n');
  });

  test('with the stack of what failed where that is asked for', () => {
    const { io, printed } = remembered(false);
    const cause = new Error('deep down');
    const error = new VentralError('internal', 'It broke', { cause });
    printScores({ scores: [], failures: [{ benchmark: 'b', error }] }, { verbose: true }, io);
    expect(printed.err).toMatch(
      /^ventral: b: It broke\n.*\n {4}at [\s\S]*caused by Error: deep down/,
    );
  });
});

describe('a progress bar', () => {
  const use = (interactive: boolean) => {
    const { io, printed } = remembered(interactive);
    const bar = progressBar(io);
    const plan = { total: 32, seconds: 1, basis: 'network' as const };
    const [first] = [bar.progress.stage({ stage: 'activations', ...plan })];
    bar.progress.stage({ stage: 'metric', ...plan });
    bar.progress.planned();
    first.at(16);
    bar.end();
    return printed;
  };

  test('is drawn on stderr, and wiped', () => {
    const { out, err } = use(true);
    expect(out).toBe('');
    expect(err).toMatch(/\[={5} {15}\] 25 %, 1 s, \d+ s left: activations 16\/32/);
    expect(err).not.toMatch(/NaN|Infinity/);
    expect(err.endsWith('\r\x1b[K')).toBe(true);
  });

  test('is not there in a pipe', () => {
    expect(use(false)).toEqual({ out: '', err: '' });
  });
});

describe('sizes', () => {
  test.each([
    ['2GiB', 2 ** 31],
    ['512MiB', 2 ** 29],
    ['1.5G', 1.5 * 2 ** 30],
    ['64 kb', 2 ** 16],
    ['1000', 1000],
  ])('%s', (text, bytes) => expect(parseSize(text, '--max-memory')).toBe(bytes));

  test.each(['', '0', '-1', 'GiB', '2XiB', '1e9', '2 GiB or so'])('not %j', (text) => {
    expect(() => parseSize(text, '--max-memory')).toThrow(/--max-memory/);
  });
});
