/** Who acts, for the history. */
import { execFileSync } from "node:child_process";
import { userInfo } from "node:os";

/** `POINTSMAN_WHO`; else whom git knows; else the user of the system. */
export function whoActs(): string {
  const { POINTSMAN_WHO, USER } = process.env;
  return (POINTSMAN_WHO || gitUser() || USER || systemUser()).slice(0, WHO_AT_MOST);
}

/** More than a name and an address need. */
const WHO_AT_MOST = 200;

/** `Zoë <zoe@example.org>`; "" where git is not there, or knows nobody. */
function gitUser(): string {
  const [name, email] = ["user.name", "user.email"].map((key) => git(["config", "--get", key]));
  return [name, email && `<${email}>`].filter(Boolean).join(" ");
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.()}`; // of whom the system has no name, as in containers
  }
}

/** The commit of the git checkout that the folder lies in, with `+` if something in it is not committed; else null. */
export function commitOf(folder: string): string | null {
  const commit = git(["-C", folder, "rev-parse", "HEAD"]);
  if (!/^[0-9a-f]{40,64}$/.test(commit)) return null;
  return git(["-C", folder, "status", "--porcelain", "--", "."]) === "" ? commit : `${commit}+`;
}

/** What git prints; "" where it fails. */
function git(args: string[]): string {
  try {
    return execFileSync("git", args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 10_000,
    }).trim();
  } catch {
    return "";
  }
}
