import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** Rows beyond the edges that are drawn too, so that the keyboard and a quick finger find some. */
const BEYOND = 12;
/** The window moves by this many rows. */
const STEP = 6;
/** Until a row has been measured. */
const USUAL_HEIGHT = 52;

/** Rows that a table should draw. */
export interface RowWindow {
  readonly first: number;
  /** Not among them. */
  readonly last: number;
  /** Rows to load, up to this one: the visible ones, and when the reader scrolls the next ones. */
  readonly wanted: number;
  /** Of a row, in pixels. */
  readonly height: number;
}

/** The class of a row that stands for one that was not read yet. */
export const UNREAD = 'unread';

/**
 * The rows that can be seen in a box that scrolls. All are as high as the first one that was read; on paper all rows
 * that are here are drawn.
 * @param place the box
 * @param rows of the whole table
 * @param drawn changes when rows get another height
 */
export function useRowWindow(
  place: RefObject<HTMLElement | null>,
  rows: number,
  drawn: unknown,
): RowWindow {
  const [range, setRange] = useState<RowWindow>({
    first: 0,
    last: 3 * BEYOND,
    wanted: 0,
    height: USUAL_HEIGHT,
  });
  useEffect(() => {
    const box = place.current as HTMLElement;
    const look = () => {
      // One that was not read is lower, and would move the window.
      const row = box.querySelector(`tbody tr[aria-rowindex]:not(.${UNREAD})`);
      const measured = row?.getBoundingClientRect().height;
      setRange((now) => {
        const height = measured || now.height;
        const seen = STEP * Math.ceil(box.clientHeight / height / STEP);
        const top = Math.min(box.scrollTop / height, Math.max(0, rows - seen));
        const start = STEP * Math.floor(top / STEP);
        const last = start + seen + BEYOND + STEP;
        const wanted = start === 0 ? seen : last;
        const next = { first: Math.max(0, start - BEYOND), last, wanted, height };
        return same(now, next) ? now : next;
      });
    };
    const printAll = () =>
      setRange((now) => ({ ...now, first: 0, last: Number.POSITIVE_INFINITY }));
    look();
    const resized = new ResizeObserver(look);
    resized.observe(box);
    box.addEventListener('scroll', look, { passive: true });
    window.addEventListener('beforeprint', printAll);
    window.addEventListener('afterprint', look);
    return () => {
      resized.disconnect();
      box.removeEventListener('scroll', look);
      window.removeEventListener('beforeprint', printAll);
      window.removeEventListener('afterprint', look);
    };
  }, [place, rows, drawn]);
  return range;
}

const same = (a: RowWindow, b: RowWindow) =>
  a.first === b.first && a.last === b.last && a.wanted === b.wanted && a.height === b.height;
