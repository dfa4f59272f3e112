/** Told now and then by long work: what is being done, and how much of it has been. */
export type Progress = (what: string, done?: number, of?: number) => void;

export const silent: Progress = () => {};

const QUIET_MS = 2000;
const BETWEEN_LINES_MS = 1000;

/** Lines for people, once the work has taken a while, and then one a second at most. */
export function progressLines(write: (line: string) => void, now: () => number = Date.now): Progress {
  let next = now() + QUIET_MS;
  return (what, done, of) => {
    const time = now();
    if (time < next) return;
    next = time + BETWEEN_LINES_MS;
    const share = done === undefined || !of ? "" : ` ${Math.floor((100 * done) / of)} %`;
    write(`${what} …${share}\n`);
  };
}
