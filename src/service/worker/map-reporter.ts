import type { LayerRow, MapPart } from '../../scoring/map/layer-map-types.js';
import type { JobAttempts } from '../../store/jobs/job-attempts.js';
import { EventPace } from './event-pace.js';

/** Maximum characters of events per attempt: the map of a large network has about a million. */
const MOST = 2 ** 25;

/** Stores a partial map as events, a few times a second at most. */
export class MapReporter {
  readonly #attempts: JobAttempts;
  readonly #job: { readonly id: string; readonly attempt: number };
  readonly #over: () => void;
  readonly #pace = new EventPace();
  #unreported: MapPart | undefined;
  #length = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<unknown> | undefined;

  /** @param over called when the attempt turns out to be over */
  constructor(
    attempts: JobAttempts,
    job: { readonly id: string; readonly attempt: number },
    over: () => void,
  ) {
    this.#attempts = attempts;
    this.#job = job;
    this.#over = over;
  }

  report(part: MapPart): void {
    // It comes from the process that has the model in its hands.
    this.#length += JSON.stringify(part).length;
    if (this.#length > MOST) return;
    this.#unreported = { ...part, layers: joined(this.#unreported?.layers ?? [], part.layers) };
    this.#timer ??= setTimeout(() => this.#write(), this.#pace.wait);
  }

  #write(): void {
    const part = this.#unreported as MapPart;
    this.#unreported = undefined;
    this.#pace.restart();
    const { id, attempt } = this.#job;
    this.#writing = this.#attempts
      .addMapPart(id, attempt, part)
      .then((holds) => holds || this.#over())
      // The whole map comes with the answer.
      .catch(() => {})
      .finally(() => {
        this.#timer = undefined;
        if (this.#unreported) this.report({ ...this.#unreported, layers: [] });
      });
  }

  /** Resolves when no write is pending; unreported cells are in the final map. */
  async settled(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing;
    clearTimeout(this.#timer);
  }
}

/** Rows with the cells of both, in the order of the first. */
function joined(before: readonly LayerRow[], after: readonly LayerRow[]): LayerRow[] {
  const rows = new Map(before.map((row) => [row.layer, row]));
  for (const row of after) {
    const known = rows.get(row.layer);
    const cells = { ...known?.cells, ...row.cells };
    const components = { ...known?.components, ...row.components };
    const reduced = known?.components || row.components ? { components } : {};
    rows.set(row.layer, { ...row, cells, ...reduced });
  }
  return [...rows.values()];
}
