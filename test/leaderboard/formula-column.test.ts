import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VentralError } from '../../src/errors/ventral-error.js';
import { formulaNames, readFormula } from '../../src/leaderboard/formula-column.js';
import { type LeafScore, makeLeaderboard } from '../../src/leaderboard/leaderboard.js';
import { formulaEstimate } from '../../src/leaderboard/leaderboard-formula.js';

const values: Readonly<Record<string, number>> = {
  average: 0.3,
  V1: 0.2,
  V2: 0.25,
  V4: 0.6,
  IT: 0.5,
  behavior: 0.4,
  engineering: 0.75,
  'x.V1-pls': 0.1,
};
async function valueAt(text: string): Promise<number> {
  const formula = await readFormula(text);
  return formula.evaluate(formula.variables.map(({ id }) => values[id]));
}
const refusal = async (text: string) => {
  const error = await readFormula(text).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error, text).toBeInstanceOf(VentralError);
  expect((error as VentralError).code).toBe('formula-invalid');
  expect((error as VentralError).status).toBe(422);
  return (error as VentralError).message;
};

describe('a formula', () => {
  it.each([
    ['0.5*V1 + 0.5*behavior', 0.3],
    ['average', 0.3],
    ['-V1^2', -0.04],
    ['2^3^2', 512],
    ['V4^-2', 1 / 0.36],
    ['V4 ^ +2', 0.36],
    ['V4^(1/2)', Math.sqrt(0.6)],
    ['(IT - V1) / (V4 - V2)', 0.3 / 0.35],
    ['mean(V1, V2, V4, IT)', 1.55 / 4],
    ['min(V1, 0.1) + max(1, V4) - abs(-2)', -0.9],
    ['sqrt(b("x.V1-pls") * 10)', 1],
    ['b("x.V1-pls") + b("x.V1-pls") + engineering', 0.95],
    ['1e-3 + .5 + 5.', 5.501],
    ['-(-(+1))', 1],
  ])('%s', async (text, value) => {
    expect(await valueAt(text)).toBeCloseTo(value, 12);
  });

  it('names each of its variables once', async () => {
    const { variables } = await readFormula('V1 + V1 * b("y") - b("y") + behavior');
    expect(variables.map(({ id }) => id)).toEqual(['V1', 'y', 'behavior']);
  });

  it.each([
    ['V3', 1, '"V3" is not one of'],
    ['V1 + neural', 6, '"neural" is not one of'],
    ['V1 + import("fs")', 6, '"import"'],
    ['V1.constructor', 3, '"." is not allowed here'],
    ['V1["constructor"]', 3, '"["'],
    ['V1 = 1', 4, '"="'],
    ['f(V1) = V1', 1, '"f"'],
    ['V1; V2', 3, '";"'],
    ['V1\nV2', 3, '"\\n"'],
    ['5!', 2, '"!"'],
    ['V1 % 2', 4, '"%"'],
    ["V1'", 3, '"\'"'],
    ['V1 > V2', 4, '">"'],
    ['V1 ? V2 : V4', 4, '"?"'],
    ['V1 mod V2', 4, '"mod"'],
    ['not V1', 1, '"not"'],
    ['V1 to V2', 4, '"to"'],
    ['{a: 1}', 1, '"{"'],
    ['# V1', 1, '"#"'],
    ['😀 + V1', 1, '"😀"'],
    ['0x10', 2, '"x10"'],
    ['2 V1', 3, 'an operator is missing'],
    ['2V1', 2, 'an operator is missing'],
    ['(V1)(V2)', 6, 'an operator is missing'],
    ['V1 + 1e999', 6, 'a number is expected'],
    ['"V1" + 1', 1, 'a number is expected'],
    ['b(V1)', 1, 'b takes the id'],
    ['b("a", "b")', 1, 'b takes the id'],
    ['1 + b()', 5, 'b takes the id'],
    ['b', 1, 'needs parentheses'],
    ['V1 + mean', 6, 'needs parentheses'],
    ['mean()', 1, 'mean takes values'],
    ['abs(V1, V2)', 1, 'abs takes one value'],
    ['average(3)', 1, '"average" is not a function'],
    ['V1^V2', 4, 'an exponent is a number'],
    ['V1^17', 4, 'an exponent is a number'],
    ['V1^-16.5', 5, 'an exponent is a number'],
    ['V1^(2^5)', 5, 'an exponent is a number'],
    ['V1^b("x")', 4, 'an exponent is a number'],
    ['V1 +', 5, 'unexpected end'],
    ['(V1', 4, ''],
    ['V1, V2', 3, ''],
    ['b("x', 3, '"\\"" is not allowed here'],
    ['b("\\u0041")', 3, '"\\""'],
    ['', 1, 'no number and no name'],
    ['()', 1, ''],
    [`V1${'+1'.repeat(99)}0`, 201, 'at most 200 characters'],
  ])('refuses %j at character %i', async (text, column, why) => {
    const message = await refusal(text);
    expect(message).toContain(`Character ${column} of the formula`);
    expect(message).toContain(why);
  });

  it('has at most 50 nodes', async () => {
    expect(await valueAt(`1${'+1'.repeat(24)}`)).toBe(25);
    expect(await refusal(`1${'+1'.repeat(25)}`)).toContain('at most 50 nodes, this one has 51');
  });

  it('whatever it is, is a number or refused, at a character of it', async () => {
    const pieces = [
      ...formulaNames,
      ...['b', 'mean', 'min', 'sqrt', 'abs', 'constructor', '__proto__', 'i', 'e', 'pi'],
      ...['+', '-', '*', '/', '^', '(', ')', ',', '"', '[', ']', '{', '}', '.', ';', ':', '?', '='],
      ...['1', '2.5', '1e9', '16', '0', '"x"', "'", '!', '%', ' ', '\n', '\\', '\0', 'é', '\ud800'],
    ];
    const written = fc
      .array(fc.constantFrom(...pieces), { maxLength: 30 })
      .map((some) => some.join(''));
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(written, written, fc.string({ unit: 'binary', maxLength: 220 })),
        async (text) => {
          let column: number | undefined;
          try {
            const formula = await readFormula(text);
            expect(typeof formula.evaluate(formula.variables.map(() => 0.5))).toBe('number');
          } catch (error) {
            expect(error).toBeInstanceOf(VentralError);
            const { code, message } = error as VentralError;
            expect(code).toBe('formula-invalid');
            column = Number(/^Character (\d+) of the formula: ./su.exec(message)?.[1]);
            expect(column).toBeGreaterThanOrEqual(1);
            expect(column).toBeLessThanOrEqual(Math.max(text.length, 200) + 1);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('that is arithmetic, is what JavaScript makes of it', async () => {
    const atom = fc.constantFrom('V1', 'V4', 'behavior', '2', '0.5', '3');
    const { tree } = fc.letrec<{ tree: string }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 3, withCrossShrink: true },
        atom,
        fc
          .tuple(tie('tree'), fc.constantFrom('+', '-', '*', '/'), tie('tree'))
          .map(([a, sign, b]) => `(${a} ${sign} ${b})`),
        tie('tree').map((a) => `(-(${a}))`),
        tie('tree').map((a) => `((${a})^2)`),
      ),
    }));
    await fc.assert(
      fc.asyncProperty(
        tree.filter((text) => text.length <= 100),
        async (text) => {
          const { V1, V4, behavior } = values;
          const js = new Function('V1', 'V4', 'behavior', `return ${text.replaceAll('^', '**')}`);
          expect(await valueAt(text)).toBe(js(V1, V4, behavior));
        },
      ),
    );
  });
});

describe('a formula of a model', () => {
  const leaf = (value: number | null, more: Partial<LeafScore> = {}): LeafScore => ({
    ...{ value, error: 0.01, ci: [0.1, 0.1 + 0.0392], selection: false },
    ...more,
  });
  const neural = (id: string, region: string) => ({ id, region, metric: 'pls', simulated: false });
  const board = (scores: Record<string, LeafScore>) =>
    makeLeaderboard(
      [neural('a', 'V1'), neural('c', 'V1'), neural('d', 'V4')],
      [{ id: 'm', name: 'm', scores: new Map(Object.entries(scores)) }],
      { missing: 'zero', selection: 'exclude' },
    );
  const of = async (text: string, scores: Record<string, LeafScore>) => {
    const made = board(scores);
    return formulaEstimate(await readFormula(text), made, made.rows[0]);
  };

  it('is null where something is missing, left out, or not finite', async () => {
    const scores = { a: leaf(0), d: leaf(0.5, { selection: true }) };
    for (const text of ['V1 + behavior', 'b("d")', 'b("none") * 0', '1/V1', 'sqrt(V1 - 1)', 'V4'])
      expect(await of(text, scores), text).toEqual({ value: null, ci: null });
    expect(await of('V1 + 1', scores)).toMatchObject({ value: 1 });
  });

  it('has an interval of first order over its benchmarks', async () => {
    const scores = { a: leaf(0.2), c: leaf(0.4), d: leaf(0.5) };
    const half = (text: string) =>
      of(text, scores).then(({ value, ci }) => (ci?.[1] ?? Number.NaN) - (value ?? Number.NaN));
    expect(await half('V4')).toBeCloseTo(0.0196, 9);
    expect(await half('3*V4')).toBeCloseTo(3 * 0.0196, 9);
    expect(await half('V1')).toBeCloseTo(0.0196 / Math.SQRT2, 9);
    expect(await half('V4^2')).toBeCloseTo(2 * 0.5 * 0.0196, 9);
    // One benchmark under two names is not two independent ones.
    expect(await half('V1 - 0.5*b("a") - 0.5*b("c")')).toBeCloseTo(0, 9);
    expect(await half('average - mean(V1, V4)')).toBeCloseTo(0, 9);
    expect(await of('V4', { d: leaf(0.5, { ci: null }) })).toEqual({ value: 0.5, ci: null });
  });
});
