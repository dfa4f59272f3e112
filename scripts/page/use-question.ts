/** The question of the page: its fields, which the address carries, so that the link of the page asks it again. */
import { useEffect, useState } from "preact/hooks";
import { type Fields, NOTHING, ofFragment, toFragment } from "./question-form.ts";

const EXAMPLE: Fields = { ...NOTHING, ask: "https://en.wikipedia.org/w/api.php" };

/** The fields, and what changes some of them. */
export function useQuestion(): [fields: Fields, change: (more: Partial<Fields>) => void] {
  const [fields, setFields] = useState(linked);
  useEffect(() => {
    const follow = () => setFields(linked());
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  const change = (more: Partial<Fields>) => {
    const changed = { ...fields, ...more };
    setFields(changed);
    history.replaceState(null, "", toFragment(changed) || location.pathname);
  };
  return [fields, change];
}

/** What the address of the page asks. */
function linked(): Fields {
  const fields = ofFragment(location.hash);
  return fields.ask === "" ? EXAMPLE : fields;
}
