/** What may be wider than the screen: it scrolls by itself, and can be reached by keys for that. */
import type { ComponentChildren } from "preact";

export function Scrolled({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys
    <section class="scrolled" tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}
