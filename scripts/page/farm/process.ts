/** All that a module for paths asks of Node's process: the farm's files lie below the root. */
export const process = { cwd: () => "/" };
