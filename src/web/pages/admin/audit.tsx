import { answer, client } from '../../client/client.js';
import { moment } from '../../parts/format.js';
import { Problem } from '../../parts/problem.js';
import { Scroll } from '../../parts/scroll.js';
import { More } from './more.js';
import { useList } from './use-list.js';

/**
 * Who changed what, newest first.
 * @param changes counts those made on this page, after which it is read again
 */
export function Audit({ changes }: { readonly changes: number }) {
  const { items, error, more } = useList(
    (cursor, signal) =>
      answer(client.GET('/audit', { params: { query: cursor ? { cursor } : {} }, signal })),
    [changes],
  );
  return (
    <section aria-label="Audit log">
      <h2>Audit log</h2>
      {error && <Problem error={error} />}
      <Scroll label="Changes">
        <table>
          <caption>Changes, newest first</caption>
          <thead>
            <tr>
              <th scope="col">Time</th>
              <th scope="col">Actor</th>
              <th scope="col">Action</th>
              <th scope="col">Target</th>
              <th scope="col">Details</th>
            </tr>
          </thead>
          <tbody>
            {items.map(({ id, at, owner, key, action, target, detail }) => (
              <tr key={id}>
                <td>{moment(at)}</td>
                <td>
                  <bdi>{owner}</bdi> <span class="quiet">{key ?? 'no key'}</span>
                </td>
                <th scope="row">{action}</th>
                <td>{target ?? '–'}</td>
                <td>
                  <code>{detail ? JSON.stringify(detail) : '–'}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      <More more={more} />
    </section>
  );
}
