import type { ChangeQuery } from '../../parts/query.js';
import { SIMULATED } from '../../parts/words/simulated-words.js';
import type { ComparedBoard } from './board.js';

interface WhichScoresProps {
  readonly board: ComparedBoard;
  readonly query: URLSearchParams;
  readonly change: ChangeQuery;
}

/** Which scores stand: real or simulated, never both. */
export function WhichScores({ board, query, change }: WhichScoresProps) {
  const choice = (name: string, standard: string) => ({
    value: query.get(name) ?? standard,
    onChange: ({ currentTarget }: { currentTarget: HTMLSelectElement }) =>
      change({ [name]: currentTarget.value === standard ? null : currentTarget.value }),
  });
  return (
    <>
      <div class="controls">
        <label>
          Benchmarks
          <select
            value={String(board.simulated)}
            onChange={({ currentTarget }) =>
              change({ simulated: currentTarget.value, x: null, y: null })
            }
          >
            <option value="false">Real recordings</option>
            <option value="true">Simulated</option>
          </select>
        </label>
        <label>
          Stimulus set
          <select {...choice('set', 'private')}>
            <option value="private">private (test)</option>
            <option value="public">public</option>
          </select>
        </label>
        <label>
          Averages over
          <select {...choice('missing', 'zero')}>
            <option value="zero">all benchmarks; a missing score counts as 0</option>
            <option value="common">benchmarks scored for every model</option>
          </select>
        </label>
        <label>
          Selection scores (†)
          <select {...choice('selection', 'exclude')}>
            <option value="exclude">excluded from averages</option>
            <option value="include">included in averages</option>
          </select>
        </label>
        <label>
          External scores (‡)
          <select {...choice('brought', 'exclude')}>
            <option value="exclude">excluded from averages</option>
            <option value="include">included in averages</option>
          </select>
        </label>
        <label>
          Layers
          <select {...choice('layers', 'card')}>
            <option value="card">from model cards</option>
            <option value="any">from cards or requests</option>
          </select>
        </label>
      </div>
      {board.simulated && (
        <p class="notice">
          <strong>Simulated benchmarks.</strong> {SIMULATED}
        </p>
      )}
    </>
  );
}
