/** A field for one file, which may be dropped on it too. */
interface Props {
  label: string;
  onFile: (file: File) => void;
}

export function FileField({ label, onFile }: Props) {
  return (
    <label
      class="file"
      onDrop={(event) => {
        const file = event.dataTransfer?.files[0];
        event.preventDefault();
        if (file !== undefined) onFile(file);
      }}
    >
      <span>{label}</span>
      <input
        type="file"
        onChange={({ currentTarget }) => {
          const file = currentTarget.files?.[0];
          // The same file may be chosen again when it has changed.
          currentTarget.value = "";
          if (file !== undefined) onFile(file);
        }}
      />
    </label>
  );
}
