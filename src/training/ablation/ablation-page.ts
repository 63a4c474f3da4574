import { stringify } from 'yaml';
import { type Html, html } from '../../report/html.js';
import { htmlPage } from '../../report/html-page.js';
import { named } from '../../report/map-page.js';
import { threeDigits } from '../../report/map-text.js';
import { SIMULATED } from '../../report/simulated-words.js';
import { visibleName } from '../../report/visible-name.js';
import type { Ablation } from './ablation.js';
import type { AblationCell } from './cells.js';
import type { AblationResult } from './run-ablation.js';
import {
  DIFFERENCES,
  MANY,
  measuresIn,
  measureTitle,
  type Table,
  type TableColumn,
  type TableRow,
} from './tables.js';
import { entryWords } from './words.js';

const LONG = 300;

/**
 * An ablation as one self-contained HTML file: the two tables, every number of every seed, the ablation, versions and
 * digests. The same ablation gives the same bytes, and every name in it is text.
 */
export function ablationPage(result: AblationResult, ablation: Ablation): string {
  const { name, direction, tables, cells, seeds, versions, digests } = result;
  const simulated = [
    ...new Set(tables.flatMap(({ columns }) => columns.filter((c) => c.simulated))),
  ];
  const ids = [...new Set(simulated.map(({ measure }) => visibleName(measure)))];
  const body = html`<h1>Ablation <bdi>${visibleName(name)}</bdi></h1>
${ids.length > 0 && html`<p class="loud">Simulated: ${ids.join(', ')}. ${SIMULATED}</p>`}
<p>${DIFFERENCES[direction]} ${MANY}</p>
${tables.map((table, i) => tablePart(table, i + 1, seeds.length))}
<h2>Every number</h2>
<details><summary>${cells.length} networks from seeds ${seeds.join(', ')}</summary>${everyNumber(cells)}</details>
<h2>The ablation</h2>
<details><summary>As YAML</summary><div class="wide"><pre>${yamlLines(ablation)}</pre></div></details>
<h2>Versions and digests</h2>
<dl>${[...Object.entries(versions), ...Object.entries(digests)].map(([key, value]) => html`<dt>${visibleName(key)}</dt><dd><code>${visibleName(value)}</code></dd>`)}</dl>`;
  return htmlPage(`Ablation ${visibleName(name)}`, body);
}

const yamlLines = (ablation: Ablation) =>
  stringify(ablation)
    .split('\n')
    .map((line) => visibleName(line))
    .join('\n');

function tablePart({ title, columns, rows }: Table, number: number, seeds: number): Html {
  const heads = columns.map(
    (column) =>
      html`<th scope="col" class="number">${visibleName(column.title)}${column.simulated && html`<br><span class="tag">simulated</span>`}</th>`,
  );
  return html`<h2>Table ${number}. ${title}</h2>
<div class="wide cards"><table>
<thead><tr><th scope="col">family</th><th scope="col">arm</th>${heads}</tr></thead>
<tbody>${rows.map((row) => rowPart(row, columns, seeds))}</tbody></table></div>`;
}

function rowPart(row: TableRow, columns: readonly TableColumn[], seeds: number): Html {
  const cells = row.entries.map((entry, i) => {
    const { value, notes } = entryWords(entry, row, seeds);
    const said = notes.map((note) => html`<br><small>${visibleName(note, LONG)}</small>`);
    const number = entry.withinNoise === false ? html`<strong>${value}</strong>` : value;
    return html`<td class="number" data-label="${visibleName(columns[i].title)}">${number}${said}</td>`;
  });
  return html`<tr><th scope="row">${row.family}</th><td class="names" data-label="arm"><bdi>${visibleName(row.title)}</bdi></td>${cells}</tr>\n`;
}

function everyNumber(cells: readonly AblationCell[]): Html {
  const measures = measuresIn(cells);
  const rows = cells.map(({ family, arm, seed, measures: found, missing }) => {
    const values = measures.map((measure) => {
      const value = found.get(measure)?.value;
      const label = visibleName(measureTitle(measure));
      if (value !== undefined)
        return html`<td class="number" data-label="${label}">${threeDigits(value)}</td>`;
      const reason = missing.get(measure) ?? missing.get('') ?? '–';
      return html`<td data-label="${label}"><bdi>${visibleName(reason, LONG)}</bdi></td>`;
    });
    return html`<tr><th scope="row">${family}</th><td data-label="arm">${arm}</td><td class="number" data-label="seed">${seed}</td>${values}</tr>\n`;
  });
  const heads = measures.map(
    (measure) => html`<th scope="col" class="number">${named(measureTitle(measure))}</th>`,
  );
  return html`<div class="wide cards"><table>
<thead><tr><th scope="col">family</th><th scope="col">arm</th><th scope="col" class="number">seed</th>${heads}</tr></thead>
<tbody>${rows}</tbody></table></div>`;
}
