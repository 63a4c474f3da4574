/** `docs/benchmarks.md`: every identifier that Brain-Score registers, and what ventral has of it. */

/** What is compared, and the golden cases of the original code (`test/fixtures/oracle`) that a kind is tested on. */
const kindWords = {
  'cross-validated': [
    'recordings, by a regression or a similarity that is cross-validated over stimuli',
    '`03` to `09`; `13-train-test` (Li2026), `15-reverse-pls`, `18-bootstrap`',
  ],
  'fixed sets': [
    'recordings, by a regression with training and test stimuli of the experiment',
    '`13-train-test`, `18-bootstrap`',
  ],
  'by subject': [
    'recordings of each subject, by the similarity of populations',
    '`13-train-test`, `14-rsa`, `18-bootstrap`',
  ],
  'bins of time': ['recordings, by a regression in each time bin', '`16-temporal`'],
  'single neurons': ['the distribution of a single-neuron property', '`12-properties`'],
  confusions: ['choices between two objects, by a read-out', '`05-i2n`'],
  labels: ['choices of a class, by the network’s own head', '`17-behaviour`'],
  'labels by a read-out': ['choices of a class, by a read-out', '`17-behaviour`'],
  'odd one out': ['choices of the odd one of three stimuli, by activations', '`17-behaviour`'],
  'visual search': ['search for an odd image, by a read-out', '`17-behaviour`'],
  factors: ['nothing: the share of a layer that follows shape or texture', '`17-behaviour`'],
};

/**
 * @param listed what `ventral benchmarks list --json` gives, and why nothing is published, by identifier
 * @param registered `benchmarks/registered.json`
 */
export function benchmarksDocument(listed, { source, identifiers, called, absent, unseen }) {
  const known = new Map(listed.map((one) => [one.id, one]));
  const rows = identifiers.map((identifier) => {
    const own = called[identifier] ?? identifier;
    return { identifier, own, found: known.get(own), why: absent[identifier] };
  });
  const lacking = rows.filter(({ found }) => !found);
  const kinds = [...new Set(rows.flatMap(({ found }) => found?.kind ?? []))];
  return [
    '# Brain-Score’s benchmarks in ventral',
    '',
    '<!-- Written by `npm run generate`: change benchmarks/, not this file. -->',
    '',
    `Brain-Score registers ${identifiers.length} identifiers (${source}; ${Object.keys(called).length} of them are commented out there, but its plugin`,
    `search, which reads the text of the file, finds them). ${rows.length - lacking.length} of them are in ventral:`,
    `${counted(rows)} data.`,
    '`ventral benchmarks list` shows whether their data are installed, `ventral benchmarks show ID` a definition. Most of them enter',
    'averages of a leaderboard only where these name them ([leaderboard.md](leaderboard.md)).',
    '',
    '- **Data**: `public` data ship with ventral or download from Brain-Score’s bucket. `private` data need credentials in Brain-Score’s own tests (anonymous',
    '  requests were not tried). `agreement`: part of the data is available under a data-use agreement that each user signs; import such',
    '  files with `ventral data import FILE --as NAME` (`ventral data list` has names and terms). Addresses, versions and SHA-1 of all',
    '  other files are in `benchmarks/*/data.json`.',
    '- **Published numbers** are those that Brain-Score asserts or publishes; `ventral benchmarks verify` compares with them',
    '  ([verify.md](verify.md)). *(needs its weights)* after a network means that only its score is published, not its activations or choices.',
    '',
    '| kind | what is compared with a model | golden cases of the original code |',
    '| --- | --- | --- |',
    ...kinds.map((kind) => `| ${kind} | ${kindWords[kind].join(' | ')} |`),
    '',
    '## Identifiers',
    '',
    '| identifier | kind | metric | data | published numbers |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map(row),
    '',
    '## Not here',
    '',
    '| identifier | why |',
    '| --- | --- |',
    ...[...new Set(lacking.map(({ why }) => why))].map((why) => {
      const names = lacking
        .filter((one) => one.why === why)
        .map(({ identifier }) => `\`${identifier}\``);
      return `| ${names.join(', ')} | ${why ?? 'not yet'} |`;
    }),
    ...Object.entries(unseen).map(([family, why]) => `| ${family} | ${why} |`),
    '',
  ].join('\n');
}

/** How many benchmarks have data of each kind. */
function counted(rows) {
  const count = (data) => rows.filter(({ found }) => found?.data === data).length;
  return ['public', 'private', 'agreement']
    .map((data) => `${count(data)} with \`${data}\``)
    .join(', ');
}

function row({ identifier, own, found }) {
  if (!found) return `| \`${identifier}\` | – | – | – | [not here](#not-here) |`;
  const name = own === identifier ? `\`${identifier}\`` : `\`${identifier}\`, here \`${own}\``;
  const published = found.checks.join(', ') || `none${found.why ? `: ${found.why}` : ''}`;
  return `| ${name} | ${found.kind} | \`${found.metric}\` | ${found.data} | ${published} |`;
}
