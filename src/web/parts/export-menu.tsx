import { createContext } from 'preact';
import { useContext, useId, useRef, useState } from 'preact/hooks';
import { Problem } from './problem.js';

/** A file that a menu saves. */
export interface ExportItem {
  /** Its format, and what tells it from the others: `CSV`, `Figure, one column (SVG)`. */
  readonly label: string;
  readonly save: () => void | Promise<void>;
}

/** Whether what is shown waits for an answer to another choice: nothing of it is saved meanwhile. */
export const Outdated = createContext(false);

/** Of a row of the menu, and what is above and below them, in pixels: enough to place it before it is shown. */
const ROW = 32;
const EDGE = 10;
const WIDTH = 240;

/**
 * A button that opens a menu of files to save. Arrow keys, Home and End go through it; Escape closes it, and
 * brings the focus back to the button, as a choice does.
 * @param of what is saved, in the name of the button for those who do not see where it stands
 * @param disabled while there is nothing to save
 */
export function ExportMenu({
  of,
  items,
  disabled = false,
}: {
  readonly of: string;
  readonly items: readonly ExportItem[];
  readonly disabled?: boolean;
}) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const menu = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error>();
  const outdated = useContext(Outdated);
  const entries = () => [...(menu.current?.querySelectorAll('button') ?? [])];
  const close = () => {
    menu.current?.hidePopover();
    button.current?.focus();
  };
  const choose = async ({ save }: ExportItem) => {
    close();
    if (busy || outdated) return;
    setBusy(true);
    setError(undefined);
    try {
      await save();
    } catch (thrown) {
      setError(thrown as Error);
    }
    setBusy(false);
  };
  const toggled = (event: Event) => {
    const opens = (event as ToggleEvent).newState === 'open';
    setOpen(opens);
    if (opens) entries()[0]?.focus();
  };
  const move = (event: KeyboardEvent) => {
    const all = entries();
    const at = all.indexOf(document.activeElement as HTMLButtonElement);
    if (event.key === 'Tab' || event.key === 'Escape') close();
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined && event.key !== 'Escape') return;
    event.preventDefault();
    if (to !== undefined) all.at(to % all.length)?.focus();
  };
  return (
    <div class="export">
      <button
        type="button"
        ref={button}
        disabled={disabled || outdated}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={id}
        popovertarget={id}
      >
        {busy ? 'Exporting…' : 'Export'}
        <span class="unseen"> {of}</span>
      </button>
      <div
        class="menu"
        id={id}
        ref={menu}
        popover="auto"
        role="menu"
        aria-label={`Export ${of}`}
        onBeforeToggle={(event) => {
          if (event.newState === 'open') place(button.current, event.currentTarget, items.length);
        }}
        onToggle={toggled}
        onKeyDown={move}
      >
        {items.map((item) => (
          <button
            key={item.label}
            type="button"
            role="menuitem"
            tabIndex={-1}
            onClick={() => void choose(item)}
          >
            {item.label}
          </button>
        ))}
      </div>
      {error && <Problem error={error} />}
    </div>
  );
}

/** Below the button, or above it where there is no room below; within the window. */
function place(button: HTMLElement | null, menu: HTMLElement, rows: number): void {
  const { left, top, bottom } = (button as HTMLElement).getBoundingClientRect();
  const height = ROW * rows + EDGE;
  const below = bottom + height < innerHeight || top < height;
  menu.style.left = `${Math.max(0, Math.min(left, innerWidth - WIDTH)) + scrollX}px`;
  menu.style.top = `${(below ? bottom + 4 : top - height - 4) + scrollY}px`;
}
