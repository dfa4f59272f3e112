/** Loads the second part of the page, once; a script, as the page may fetch nothing. */

/** What the second part gives to the first. */
export type FarmPart = Record<string, never>;

let loading: Promise<FarmPart> | undefined;

/** Rejects where the file is not beside the page; the next call tries again. */
export function loadFarmPart(): Promise<FarmPart> {
  loading ??= new Promise<FarmPart>((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "farm.js";
    script.onload = () => resolve((globalThis as { pointsmanFarm?: FarmPart }).pointsmanFarm!);
    script.onerror = () => {
      loading = undefined;
      reject(new Error("farm.js is not beside this page: copy the whole folder"));
    };
    document.head.append(script);
  });
  return loading;
}
