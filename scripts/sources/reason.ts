/** Why the system did not do as told, in words; Node's own name codes, system calls and names of temporary files. */
const REASONS = {
  read: {
    ENOENT: "there is no such file",
    ENOTDIR: "a part of its path is a file, not a folder",
    EISDIR: "it is a folder, not a file",
    EACCES: "no permission to read it",
    ELOOP: "its links lead in a circle",
    ERR_FS_FILE_TOO_LARGE: "it is larger than 2 GiB",
  },
  write: {
    ENOENT: "there is no such folder",
    ENOTDIR: "a part of its path is a file, not a folder",
    EISDIR: "it is a folder, not a file",
    EACCES: "no permission to write there",
    EPERM: "no permission to write there",
    EROFS: "its file system can only be read",
    ENOSPC: "the disk is full",
    EDQUOT: "the quota of its disk is used up",
  },
  listen: {
    EADDRINUSE: "another program listens there already",
    EADDRNOTAVAIL: "this machine has no such address",
    EACCES: "no permission to listen there",
    ENOTFOUND: "there is no such host",
  },
  connect: {
    ECONNREFUSED: "nothing listens there",
    ECONNRESET: "it closes the connection",
    EHOSTUNREACH: "no way leads there",
    ENETUNREACH: "no way leads there",
    ENOTFOUND: "there is no such host",
    EAI_AGAIN: "its name cannot be looked up",
    ETIMEDOUT: "the connection timed out",
  },
} as const;

export function reason(error: unknown, doing: keyof typeof REASONS = "read"): string {
  const { code, message } = Object(error) as { code?: string; message?: string };
  const known: Readonly<Record<string, string>> = REASONS[doing];
  if (code !== undefined && Object.hasOwn(known, code)) return known[code]!;
  // `EIO: i/o error, rename '.1.tmp' -> 't'`
  return message === undefined
    ? String(error)
    : message.replace(/^[A-Z0-9_]+: (.*?)(?:, [a-z]+(?: '.*)?)?$/s, "$1");
}
