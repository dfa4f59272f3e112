/** A wiki ID is a database name: `enwiki`, `zh_min_nanwikisource`. */
export function isWikiId(text: string): boolean {
  return /^[a-z0-9_]+$/.test(text);
}

export const WIKI_ID_SHAPE = "lower-case letters, digits and `_`";

const RELEASED = /^\d+\.\d+(?:\.\d+)?(?:-(?:wmf|alpha|beta|rc)\.\d+)?$/;
const RELEASE_BRANCH = /^REL\d+_\d+$/;
const NAMED_BRANCH = /^[a-z]+$/;

/** A MediaWiki version, without `php-`: `1.47.0-wmf.16`, `1.43.1`, `REL1_43`, `master`. */
export function isVersion(text: string): boolean {
  return text.length <= 64 && (RELEASED.test(text) || RELEASE_BRANCH.test(text) || NAMED_BRANCH.test(text));
}

export const VERSION_SHAPE = "`1.47.0-wmf.16`, `1.43.1`, `REL1_43` or `master`";
