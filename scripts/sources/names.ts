/** What names look like, wherever a source or a farm has them. */

/** A wiki's ID: a database's name, or whatever a farm calls its tenants. */
const WIKI_ID = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;

/** `enwiki`, `zh_min_nanwikisource`, `acme-corp`, `3F2504E0-4F89-41D3-9A0C-0305E82C3301`. */
export function isWikiId(text: string): boolean {
  return WIKI_ID.test(text);
}

export const WIKI_ID_SHAPE = "letters, digits, `_` and `-`, beginning with a letter or digit";

/** Of releases, deployments, versions and so on. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
export const NAME_SHAPE = "letters, digits, `.`, `_`, `-`, beginning with a letter or digit";

/** How MediaWiki's files mark a version; we leave it out. */
export const VERSION_PREFIX = "php-";

export function bareVersion(version: string): string {
  return version.startsWith(VERSION_PREFIX) ? version.slice(VERSION_PREFIX.length) : version;
}

/** A version is whatever a farm calls it: `1.47.0-wmf.16`, `REL1_43`, `branch_cut_pretest`. */
export function isVersion(text: string): boolean {
  return NAME.test(text) && !text.startsWith(VERSION_PREFIX);
}

/** An object of JavaScript's cannot have a key of this name as it has others, so that it would be lost. */
export const LOST_KEY = "__proto__";

/** Without port, in lower case; not the name of a lost key. */
export const HOST = /^(?!__proto__$)[a-z0-9_-]+(\.[a-z0-9_-]+)*$/;

/** Requests to an IPv4 address pass through: no wiki has one for its host. */
export function isAddress(host: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(host);
}
