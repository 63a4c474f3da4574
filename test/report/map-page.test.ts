import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { inkOn, relativeLuminance, viridis } from '../../src/report/colour-scale.js';
import { html } from '../../src/report/html.js';
import { heatmap, linePlot } from '../../src/report/map-charts.js';
import { mapPage } from '../../src/report/map-page.js';
import { visibleName } from '../../src/report/visible-name.js';
import { hostileNames, madeMap } from '../cli/made-map.js';

/** Names of all elements of a page, and of all their attributes. */
function markupOf(page: string) {
  const text = page.replace(/<style>[\s\S]*?<\/style>/, '');
  const tags = [...text.matchAll(/<([a-z0-9]+)((?:\s+[\w:-]+="[^"<>]*")*)\s*\/?>/gi)];
  const attributes = tags.flatMap(([, , list]) =>
    [...list.matchAll(/([\w:-]+)="/g)].map((found) => found[1]),
  );
  return {
    elements: new Set(tags.map((found) => found[1])),
    attributes: new Set(attributes),
    /** What is left between the tags. */
    rest: text.replaceAll(/<\/?[a-z0-9]+(?:\s+[\w:-]+="[^"<>]*")*\s*\/?>|<!doctype html>/gi, ''),
  };
}

describe('a template', () => {
  test('escapes what is text and keeps what is markup', () => {
    const part = html`<b>${'<&"\'>'}</b>`;
    expect(String(html`<p title="${'"'}">${part}${[1, null, false, undefined, 'a']}</p>`)).toBe(
      '<p title="&quot;"><b>&lt;&amp;&quot;&#39;&gt;</b>1a</p>',
    );
  });
});

describe('a name for the eye', () => {
  test('shows what is hidden and keeps its ends', () => {
    expect(visibleName('a\u202eb\u0000c')).toBe('a⟨U+202E⟩b⟨U+0000⟩c');
    expect(visibleName('שכבה.1')).toBe('שכבה.1');
    expect(visibleName('blocks.4.0.conv_pwl', 10)).toBe('blo…nv_pwl');
    expect([...visibleName('😀'.repeat(50), 10)]).toHaveLength(10);
  });
});

describe('the colours', () => {
  const steps = Array.from({ length: 101 }, (_, i) => viridis(i / 100));

  test('grow lighter from end to end', () => {
    const light = steps.map(relativeLuminance);
    expect(light).toEqual([...light].sort((a, b) => a - b));
    expect(viridis(-1)).toEqual(viridis(0));
    expect(viridis(2)).toEqual(viridis(1));
  });

  test('carry ink that can be read', () => {
    for (const colour of steps) {
      const [a, b] = [relativeLuminance(colour), relativeLuminance(inkOn(colour))];
      expect((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)).toBeGreaterThanOrEqual(4.5);
    }
  });
});

describe('the page of a map', () => {
  const map = madeMap({ holdout: true });
  const page = mapPage(map);

  test('is the same for the same map', () => {
    expect(mapPage(madeMap({ holdout: true }))).toBe(page);
  });

  test('asks for nothing and runs nothing', () => {
    const { elements, attributes } = markupOf(page);
    expect(page).not.toMatch(/https?:|@import|src=|href=|<link|<iframe/);
    expect(elements).not.toContain('script');
    expect([...attributes].filter((name) => /^on|^style$/i.test(name))).toEqual([]);
    const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? '';
    const digest = createHash('sha256').update(style).digest('base64');
    expect(page).toContain(`content="default-src &#39;none&#39;; style-src &#39;sha256-${digest}`);
  });

  test('shows every layer, what was chosen, ties and refusals', () => {
    expect(page.match(/<g class="row">/g)).toHaveLength(67);
    expect(page.match(/class="frame"/g)).toHaveLength(5);
    expect(page).toContain('● .246</text>');
    expect(page).toContain('○ .241</text>');
    expect(page).toContain('fill="url(#hatch)"');
    expect(page).toContain('<li><bdi>24 units &lt; 25 components</bdi></li>');
    expect(page).toMatch(/<td colspan="6"><bdi>24 units &lt; 25 components<\/bdi><\/td>/);
    expect(page.match(/<svg class="plot"/g)).toHaveLength(5);
    expect(page).toContain('value 0.246, 95 % interval 0.229 to 0.263\nraw 0.463, ceiling 0.870');
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  test('tells selection, holdout, plan and provenance', () => {
    expect(page).toContain(map.provenance.selection);
    expect(page).toContain('<small>selection</small>');
    expect(page).toContain('Held-out stimuli');
    expect(page).toContain('12 stimuli of each object are too few');
    expect(page).toContain('66 layers, 24 to 230,400 units each');
    expect(page).toContain(map.provenance.inputs);
    expect(mapPage(madeMap())).not.toContain('Held-out stimuli');
  });

  test('says loudly what is simulated, and nothing where nothing is', () => {
    expect(page).toMatch(/<p class="loud">Simulated: IT\. .* never about a brain\.<\/p>/);
    const [id] = map.benchmarks;
    expect(mapPage({ ...map, benchmarks: [id] })).not.toContain('<p class="loud">');
  });

  test('holds no name that is more than text', () => {
    const hostile = mapPage(madeMap({ hostile: true }));
    const { elements, attributes, rest } = markupOf(hostile);
    const plain = markupOf(mapPage(madeMap()));
    // A long name stands whole in the title of its cut one.
    plain.attributes.add('title');
    expect([...elements].filter((name) => !plain.elements.has(name))).toEqual([]);
    expect([...attributes].filter((name) => !plain.attributes.has(name))).toEqual([]);
    expect(rest).not.toMatch(/[<>"]/);
    expect(hostile).not.toMatch(/[^\P{Cc}\n]|[\u202a-\u202e\u2066-\u2069]/u);
    for (const name of hostileNames) expect(hostile).toContain(String(html`${visibleName(name)}`));
    expect(hostile.length).toBeLessThan(2e6);
  });

  test('of layers that were all refused is still a page', () => {
    const layers = map.layers.map((row) => ({
      ...row,
      cells: Object.fromEntries(map.benchmarks.map((id) => [id, { reason: 'too few' }])),
    }));
    const { holdout: _, ...rest } = map;
    const empty = mapPage({ ...rest, layers, chosen: {} });
    expect(empty).toContain('No layer has a value.');
    expect(empty).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe('charts', () => {
  test('of nothing, of one point and of a flat curve have no strange numbers', () => {
    const plot = (ys: readonly (number | null)[]) =>
      String(
        linePlot({
          label: 'l',
          xTitle: 'x',
          yTitle: 'y',
          curves: [
            { name: 'a', points: ys.map((y, x) => ({ x, y, ci: null, title: '' })) },
            { name: 'b', points: [] },
          ],
        }),
      );
    for (const ys of [[], [null], [0.5], [0, 0, 0], [-1, 1e-9], [1e6, -1e6]])
      expect(plot(ys)).not.toMatch(/NaN|Infinity|undefined/);
  });

  test('break a curve where a value is missing', () => {
    const points = [1, 2, null, 3, 4].map((y, x) => ({ x, y, ci: null, title: `${y}` }));
    const text = String(
      linePlot({ label: '', xTitle: '', yTitle: '', curves: [{ name: '', points }] }),
    );
    expect(text.match(/<polyline/g)).toHaveLength(2);
    expect(text.match(/class="missing"/g)).toHaveLength(1);
  });

  test('show the interval of a point without neighbours', () => {
    const points = [{ x: 7, y: 0.3, ci: [0.2, 0.4] as const, title: '' }];
    const text = String(
      linePlot({ label: '', xTitle: '', yTitle: '', curves: [{ name: '', points }] }),
    );
    expect(text).toMatch(/<line class="bar" x1="([\d.]+)" x2="\1" /);
    expect(text).toMatch(/>7<\/text>/);
    expect(text).not.toMatch(/>8<\/text>/);
  });

  test('colour the ends of a scale as its ends', () => {
    const text = String(
      heatmap({
        label: '',
        rows: [{ name: 'a', title: '' }],
        columns: [
          { name: 'low', title: '', domain: [-1, 1], scale: '' },
          { name: 'high', title: '', domain: [-1, 1], scale: '' },
          { name: 'flat', title: '', domain: [0, 0], scale: '' },
        ],
        cells: [[-1, 1, 0].map((value) => ({ value, text: String(value), title: '' }))],
      }),
    );
    expect([...text.matchAll(/fill="(#[0-9a-f]{6})"\/>/g)].map((found) => found[1])).toEqual([
      '#440154',
      '#fde725',
      '#440154',
    ]);
  });
});
