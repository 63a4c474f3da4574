import type { ComponentChildren } from 'preact';

/**
 * Room for what may be wider than the page, such as a table: it scrolls by itself, by the keyboard too.
 * @param label names it for those who do not see it
 */
export function Scroll({
  label,
  children,
}: {
  readonly label: string;
  readonly children: ComponentChildren;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: without it the keyboard could not scroll (WCAG 2.1.1).
    <section class="scroll" aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}
