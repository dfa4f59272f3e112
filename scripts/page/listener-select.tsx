/** As which listener of the table is asked. */
import type { Table } from "../table/table.ts";

interface Props {
  table: Table;
  /** "" is the table's first. */
  value: string;
  onChange: (listener: string) => void;
}

export function ListenerSelect({ table, value, onChange }: Props) {
  const named = table.listeners.filter(({ name }) => name !== null);
  return (
    <label>
      <span>Listener</span>
      <select value={value} onChange={({ currentTarget }) => onChange(currentTarget.value)}>
        <option value="">the first</option>
        {named.map(({ name }) => (
          <option key={name} value={name!}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
