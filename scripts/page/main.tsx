/** The page: what it knows, and its tabs. */
import { render } from "preact";
import { useState } from "preact/hooks";
import { Board } from "./board.tsx";
import { Compare } from "./compare.tsx";
import { Farm } from "./farm.tsx";
import { Log } from "./log.tsx";
import { OpenTable } from "./open-table.tsx";
import { BUILT_IN, type Opened } from "./opened.ts";
import { Playground } from "./playground.tsx";
import { Tabs } from "./tabs.tsx";
import { useQuestion } from "./use-question.ts";

function Page() {
  const [opened, setOpened] = useState<Opened>(BUILT_IN);
  const [fields, change] = useQuestion();
  return (
    <>
      <header>
        <h1>Pointsman</h1>
        <OpenTable opened={opened} onOpen={setOpened} />
      </header>
      <Tabs
        tabs={[
          {
            id: "playground",
            title: "Playground",
            panel: () => <Playground opened={opened} fields={fields} onChange={change} />,
          },
          { id: "compare", title: "Compare", panel: () => <Compare opened={opened} fields={fields} /> },
          { id: "farm", title: "Farm", panel: () => <Farm onOpen={setOpened} /> },
          { id: "log", title: "Log", panel: () => <Log opened={opened} /> },
          { id: "board", title: "Train board", panel: () => <Board opened={opened} /> },
        ]}
      />
    </>
  );
}

render(<Page />, document.getElementById("page")!);
