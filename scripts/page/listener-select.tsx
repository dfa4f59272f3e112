/** As which listener of the table is asked. */

interface Props {
  /** Their names. */
  listeners: readonly string[];
  /** "" is the table's first. */
  value: string;
  onChange: (listener: string) => void;
}

export function ListenerSelect({ listeners, value, onChange }: Props) {
  return (
    <label>
      <span>Listener</span>
      <select value={value} onChange={({ currentTarget }) => onChange(currentTarget.value)}>
        <option value="">the first</option>
        {listeners.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
