import { answer, client } from '../../client/client.js';
import { ExportMenu } from '../../parts/export-menu.js';
import { saveFile } from '../../parts/save.js';

/** Rows of a request. */
const ROWS = 200;

const formats = [
  ['CSV', 'text/csv', 'csv', joinedCsv],
  ['JSON', 'application/json', 'json', joinedJson],
  ['Markdown', 'text/markdown', 'md', joinedMarkdown],
] as const;

/** The models of the view with all their columns, as files that the service writes. */
export function Downloads({
  query,
  simulated,
}: {
  readonly query: string;
  readonly simulated: boolean;
}) {
  const save = async ([, type, ending, join]: (typeof formats)[number]) => {
    const at = new URLSearchParams(query).get('at')?.replace(/[^\w-]/g, '-');
    const name = `leaderboard-${simulated ? 'simulated' : 'real'}${at ? `-${at}` : ''}.${ending}`;
    saveFile(name, join(await allPages(query, simulated, type)), type);
  };
  return (
    <ExportMenu
      of="the leaderboard"
      items={formats.map((format) => ({ label: format[0], save: () => save(format) }))}
    />
  );
}

/** Every page of the view in a format, by following `Link`. */
async function allPages(query: string, simulated: boolean, type: string): Promise<string[]> {
  const pages: string[] = [];
  const asked = new URLSearchParams(query);
  asked.set('simulated', String(simulated));
  asked.set('limit', String(ROWS));
  for (let search: string | undefined = asked.toString(); search !== undefined; ) {
    const wanted: string = search;
    const call = client.GET('/leaderboard', {
      headers: { Accept: type },
      parseAs: 'text',
      querySerializer: () => wanted,
    });
    const { response } = await call;
    pages.push((await answer(call)) as string);
    search = /<[^>?]*\?([^>]*)>; rel="next"/.exec(response.headers.get('Link') ?? '')?.[1];
  }
  return pages;
}

/** The header stands once. */
function joinedCsv(pages: readonly string[]): string {
  return pages.map((page, k) => (k === 0 ? page : page.slice(page.indexOf('\n') + 1))).join('');
}

function joinedJson(pages: readonly string[]): string {
  const boards = pages.map((page) => JSON.parse(page));
  const items = boards.flatMap((board) => board.items);
  return JSON.stringify({ ...boards[0], items, next: null }, null, 2);
}

/** One table, and each note once. */
function joinedMarkdown(pages: readonly string[]): string {
  const lines = pages.map((page) => page.split('\n'));
  const isRow = (line: string) => line.startsWith('|');
  const rows = lines.flatMap((page, k) => page.filter(isRow).slice(k === 0 ? 0 : 2));
  const notes = new Set(lines.flatMap((page) => page.filter((line) => line && !isRow(line))));
  return [...rows, '', ...notes, ''].join('\n');
}
