/** assembly/layout.ts is AssemblyScript as well, where an integer has a type. */
type u32 = number;
