import type { Schemas } from '../../client/client.js';
import { CopyButton } from '../../parts/copy-button.js';

/** Where a benchmark is from, with an entry for BibTeX. */
export function Citation({
  one,
  bibtex,
}: {
  readonly one: Schemas['Benchmark'];
  readonly bibtex: string | null;
}) {
  const { reference, simulated } = one;
  const doi = typeof reference?.doi === 'string' ? reference.doi : undefined;
  const url = typeof reference?.url === 'string' ? reference.url : undefined;
  const page = doi ? `https://doi.org/${doi}` : url;
  return (
    <>
      {page && (
        <p>
          {isWebPage(page) ? (
            <a href={page} rel="noopener noreferrer">
              {doi ? `doi:${doi}` : page}
            </a>
          ) : (
            <bdi>{page}</bdi>
          )}
        </p>
      )}
      {bibtex && (
        <>
          <pre>{bibtex.trim()}</pre>
          <p class="actions">
            <CopyButton text={bibtex} what="BibTeX" />
          </p>
        </>
      )}
      {!page && !bibtex && (
        <p>
          {simulated ? (
            <>
              No paper: <a href="/docs/simulated">the equations</a>.
            </>
          ) : (
            'The benchmark file has no reference.'
          )}
        </p>
      )}
    </>
  );
}

/** A stranger's file may hold any address; no other scheme than the web's becomes a link. */
const isWebPage = (address: string) => /^https?:\/\//i.test(address);
