/** `docs/benchmarks.md`: every identifier that Brain-Score registers, and what ventral has of it. */

/** Golden cases of the original code (`test/fixtures/oracle`) that each kind is tested on. */
const goldenCases = {
  'cross-validated': '`03` to `09`; `13-train-test` (Li2026), `15-reverse-pls`, `18-bootstrap`',
  'fixed sets': '`13-train-test`, `18-bootstrap`',
  'by subject': '`13-train-test`, `14-rsa`, `18-bootstrap`',
  'bins of time': '`16-temporal`',
  confusions: '`05-i2n`',
  labels: '`17-behaviour`',
  'labels by a read-out': '`17-behaviour`',
  'single neurons': '`12-properties`',
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
    '# Brain-Score’s benchmarks here',
    '',
    '<!-- Written by `npm run generate`: change benchmarks/, not this file. -->',
    '',
    `Brain-Score registers ${identifiers.length} identifiers (${source}; ${Object.keys(called).length} of them are commented out there, though its search`,
    `for plugins finds their text). ${rows.length - lacking.length} of them are here: \`ventral benchmarks list\` shows them, each with its data, and`,
    '`ventral benchmarks show ID` its definition. Averages of a leaderboard enter most of them only where they name them',
    '([leaderboard.md](leaderboard.md)).',
    '',
    '- **Data**: `public` downloads from Brain-Score’s bucket; `private` is what Brain-Score’s own tests need credentials for (whether an',
    '  anonymous request is refused was not tried); `agreement`: part of the data is given under an agreement that each user signs, as',
    '  `ventral benchmarks show` says; such files are imported under their names, `ventral data import FILE --as NAME`, which',
    '  `ventral data list` has with the terms. Addresses, versions and SHA-1 of all others are in `benchmarks/*/data.json`.',
    '- **Published numbers** are those that Brain-Score asserts or publishes, which `ventral benchmarks verify` compares',
    '  ([verify.md](verify.md)). Where a name of a network stands with *(needs its weights)*, only its score is published, and not what it gave.',
    '',
    '| kind | golden cases of the original code that it is tested on |',
    '| --- | --- |',
    ...kinds.map((kind) => `| ${kind} | ${goldenCases[kind] ?? '`17-behaviour`'} |`),
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
    ...lacking.map(({ identifier, why }) => `| \`${identifier}\` | ${why ?? 'not yet'} |`),
    ...Object.entries(unseen).map(([family, why]) => `| ${family} | ${why} |`),
    '',
  ].join('\n');
}

function row({ identifier, own, found }) {
  if (!found) return `| \`${identifier}\` | – | – | – | [not here](#not-here) |`;
  const name = own === identifier ? `\`${identifier}\`` : `\`${identifier}\`, here \`${own}\``;
  const published = found.checks.join(', ') || `none${found.why ? `: ${found.why}` : ''}`;
  return `| ${name} | ${found.kind} | \`${found.metric}\` | ${found.data} | ${published} |`;
}
