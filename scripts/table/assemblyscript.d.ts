// AssemblyScript's types, in the files of assembly/ that TypeScript reads as well.
type u32 = number;
type bool = boolean;
