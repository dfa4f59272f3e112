/** Tabs as the ARIA practices have them: one is in the order of Tab, arrows go to the others. */
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";

export interface Tab {
  id: string;
  title: string;
  panel: () => ComponentChildren;
}

export function Tabs({ tabs }: { tabs: readonly Tab[] }) {
  const [chosen, setChosen] = useState(0);
  const [seen, setSeen] = useState<ReadonlySet<number>>(new Set([0]));
  const list = useRef<HTMLDivElement>(null);
  const choose = (number: number) => {
    setChosen(number);
    setSeen(new Set([...seen, number]));
    list.current?.querySelectorAll<HTMLElement>("[role=tab]")[number]?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const to = { ArrowRight: chosen + 1, ArrowLeft: chosen - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose((to + tabs.length) % tabs.length);
  };
  return (
    <>
      <div class="tabs" role="tablist" aria-label="Parts of this page" ref={list} onKeyDown={onKeyDown}>
        {tabs.map(({ id, title }, number) => (
          <button
            key={id}
            type="button"
            role="tab"
            id={`tab-${id}`}
            aria-controls={`panel-${id}`}
            aria-selected={number === chosen}
            tabIndex={number === chosen ? 0 : -1}
            onClick={() => choose(number)}
          >
            {title}
          </button>
        ))}
      </div>
      <main>
        {/* A panel begins when it is first chosen, and stays, so that what was typed into it does. */}
        {tabs.map(({ id, panel }, number) => (
          <div
            key={id}
            role="tabpanel"
            id={`panel-${id}`}
            aria-labelledby={`tab-${id}`}
            hidden={number !== chosen}
          >
            {seen.has(number) && panel()}
          </div>
        ))}
      </main>
    </>
  );
}
