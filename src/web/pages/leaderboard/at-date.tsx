import type { Change } from './view.js';

interface Dated {
  readonly address: URLSearchParams;
  readonly change: Change;
}

/** The date whose board is shown; empty: the present one. */
export function AtDate({ address, change }: Dated) {
  const at = address.get('at') ?? '';
  return (
    <label>
      As of
      <input
        type="date"
        max={new Date().toISOString().slice(0, 10)}
        value={at.slice(0, 10)}
        onChange={({ currentTarget: { value } }) => change({ at: value || null })}
      />
    </label>
  );
}

/** Says that this is an earlier board, and how it may differ from what was shown then. */
export function AtNote({
  address,
  change,
  reconstructed,
}: Dated & { readonly reconstructed: boolean }) {
  const at = address.get('at');
  if (!at) return null;
  return (
    <p class="notice">
      <strong>Not the current leaderboard.</strong> This is the leaderboard as it was{' '}
      {at.length > 10 ? `at ${at}` : `at the end of ${at} (UTC)`}, without models that you may not
      see now.{' '}
      {reconstructed &&
        'Changes were not yet recorded then: names, visibility and versions are later ones, and anything removed or replaced since is missing. '}
      <button type="button" onClick={() => change({ at: null })}>
        Show the current leaderboard
      </button>
    </p>
  );
}
