// The types of a library that is built: a .d.ts of its entry, and of each file whose types that names.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import ts from "typescript";

/**
 * Writes them to where `folders` says that the files of a folder go. What is marked @internal is left out: types of
 * WebAssembly's are in TypeScript's DOM library, which not every program has.
 *
 * @param {string[]} entries
 * @param {Record<string, string>} folders
 */
export function writeDeclarations(entries, folders) {
  const { options, errors } = ts.convertCompilerOptionsFromJson(
    {
      ...{ target: "es2022", module: "esnext", moduleResolution: "bundler", lib: ["es2023"], types: [] },
      ...{ allowImportingTsExtensions: true, verbatimModuleSyntax: true, strict: true },
      // tsc --noEmit checks the types elsewhere.
      ...{ declaration: true, emitDeclarationOnly: true, noCheck: true, stripInternal: true },
      rootDir: ".",
      outDir: ".",
    },
    process.cwd(),
  );
  if (errors.length > 0) throw new Error(ts.flattenDiagnosticMessageText(errors[0].messageText, "\n"));
  const made = new Map();
  const program = ts.createProgram(entries, options);
  program.emit(undefined, (file, text) => made.set(relative(process.cwd(), file), text));

  const wanted = new Set(entries.map((file) => file.replace(/\.ts$/, ".d.ts")));
  for (const file of wanted) {
    const text = made.get(file);
    for (const [, named] of text.matchAll(/\b(?:from |import\()"(\.[^"]+)\.ts"/g))
      wanted.add(join(dirname(file), `${named}.d.ts`));
    const folder = Object.keys(folders).find((name) => file.startsWith(`${name}/`));
    if (folder === undefined)
      throw new Error(`${file} is named by a library's types, and lies in no folder of one`);
    const path = join(folders[folder], relative(folder, file));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text.replaceAll('.ts"', '.js"'));
  }
}
