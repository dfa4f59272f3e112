/** Loads another part of the page, once; a script, as the page may fetch nothing. */

const loading = new Map<string, Promise<unknown>>();

/**
 * Rejects where the file is not beside the page; the next call tries again.
 *
 * @param global what the part puts itself into
 */
export function loadPart<Part>(file: string, global: string): Promise<Part> {
  const known = loading.get(file);
  if (known !== undefined) return known as Promise<Part>;
  const part = new Promise<Part>((resolve, reject) => {
    const script = document.createElement("script");
    script.src = file;
    script.onload = () => resolve((globalThis as unknown as Record<string, Part>)[global]!);
    script.onerror = () => {
      loading.delete(file);
      reject(new Error(`${file} is not beside this page: copy the whole folder`));
    };
    document.head.append(script);
  });
  loading.set(file, part);
  return part;
}
