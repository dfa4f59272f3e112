// The table's layout, written once: the filter (AssemblyScript) and the packer (TypeScript) import this file,
// so it stays in the subset that both languages share. docs/table-format.md explains it byte by byte.
//
// All integers are little-endian and unaligned. "string" is an index into STRS, NONE where there is none.

// ---- Header ---------------------------------------------------------------------------------------------

/** The bytes "PNTS". */
export const HEADER_MAGIC: u32 = 0; // u32
export const MAGIC: u32 = 0x53544e50;
/** u32, CRC-32 (IEEE 802.3, as in zlib) of every byte from CHECKSUM_FROM to the end. */
export const HEADER_CHECKSUM: u32 = 4;
export const CHECKSUM_FROM: u32 = 8;
/** u32, bytes in the whole table. */
export const HEADER_LENGTH: u32 = 8;
/** u16, LAYOUT_VERSION. */
export const HEADER_VERSION: u32 = 12;
/** u16, entries in the directory. */
export const HEADER_SECTIONS: u32 = 14;
/** u32, grows with every change of the content. */
export const HEADER_GENERATION: u32 = 16;
/** DIGEST_BYTES of the SHA-256 over name, length and bytes of each required section, in the directory's order. */
export const HEADER_DIGEST: u32 = 20;
export const DIGEST_BYTES: u32 = 16;
export const HEADER_BYTES: u32 = 36;
export const LAYOUT_VERSION: u32 = 5;

// ---- Directory: after the header, one entry a section ---------------------------------------------------

/** u32 name, u32 offset from the start of the table, u32 length. */
export const DIRECTORY_OFFSET: u32 = 4;
export const DIRECTORY_LENGTH: u32 = 8;
export const DIRECTORY_ENTRY: u32 = 12;

/** A section whose name begins with a lower-case letter may be skipped by a reader that does not know it. */
export const OPTIONAL_BIT: u32 = 0x20;

export const SECTION_STRINGS: u32 = 0x53525453; // "STRS"
export const SECTION_STEMS: u32 = 0x4d455453; // "STEM"
export const SECTION_WIKIS: u32 = 0x494b4957; // "WIKI"
export const SECTION_HOSTS: u32 = 0x54534f48; // "HOST"
export const SECTION_REWRITES: u32 = 0x54525752; // "RWRT"
export const SECTION_PATTERNS: u32 = 0x54544150; // "PATT"
export const SECTION_PATHS: u32 = 0x48544150; // "PATH"
export const SECTION_HEADERS: u32 = 0x53524448; // "HDRS"
export const SECTION_RULES: u32 = 0x454c5552; // "RULE"
export const SECTION_LISTENERS: u32 = 0x4e54534c; // "LSTN"
export const SECTION_REPLIES: u32 = 0x4c504552; // "REPL"
export const SECTION_DEPLOYMENTS: u32 = 0x4c504544; // "DEPL"
export const SECTION_RELEASES: u32 = 0x45534c52; // "RLSE"
export const SECTION_EMIT: u32 = 0x54494d45; // "EMIT"
export const SECTION_JOBS: u32 = 0x53424f4a; // "JOBS"
export const SECTION_CANONICAL: u32 = 0x4f4e4143; // "CANO"
/** The sections that every table has, in the order in which they are written. */
export const SECTIONS: u32[] = [
  SECTION_STRINGS,
  SECTION_STEMS,
  SECTION_WIKIS,
  SECTION_HOSTS,
  SECTION_REWRITES,
  SECTION_PATTERNS,
  SECTION_PATHS,
  SECTION_HEADERS,
  SECTION_RULES,
  SECTION_LISTENERS,
  SECTION_REPLIES,
  SECTION_DEPLOYMENTS,
  SECTION_RELEASES,
  SECTION_EMIT,
  SECTION_JOBS,
  SECTION_CANONICAL,
];
/** "nams", optional: JSON for people (names of rules, lists, pins); the filter never reads it. */
export const SECTION_NAMES: u32 = 0x736d616e;

export const NONE: u32 = 0xffff;

// ---- STRS: u32 count, u32 end of each string, then the bytes --------------------------------------------

export const STRINGS_ENDS: u32 = 4;

// ---- STEM: stems sorted by length, so that a stem's number alone gives its place and length --------------

/** u32 groups, then a u32 each: length in the low 8 bits, number of stems above; then the bytes. */
export const STEMS_GROUPS: u32 = 4;
export const STEMS_COUNT_SHIFT: u32 = 8;

// ---- WIKI and HOST: a set of keys (stem + suffix), each with a value -----------------------------------
// Perfect hash, compress-hash-displace: a key's bucket gives a displacement, and that its one possible slot.

export const KEYS_COUNT: u32 = 0; // u32
export const KEYS_SLOTS: u32 = 4; // u32
export const KEYS_BUCKETS: u32 = 8; // u32
export const KEYS_SEED: u32 = 12; // u32
/** u8: 1, 2 or 4 bytes a displacement. */
export const KEYS_DISPLACEMENT_BYTES: u32 = 16;
/** u8: 1…8 bytes an entry: stem in the low bits, suffix above it, value in the rest. */
export const KEYS_ENTRY_BYTES: u32 = 17;
export const KEYS_STEM_BITS: u32 = 18; // u8; a stem field of all ones is an empty slot
export const KEYS_SUFFIX_BITS: u32 = 19; // u8
export const KEYS_FIRST_SUFFIX: u32 = 20; // u16 string: suffix n is string first + n
export const KEYS_SUFFIXES: u32 = 22; // u16
export const KEYS_BODY: u32 = 24; // displacements, then entries

// The hash: two lanes of xor-multiply-shift over the key's words, then a finaliser (that of MurmurHash3, public
// domain). Four bytes a step, as the filter hashes the host of every request.
export const HASH_LANE_A: u32 = 0x9e3779b1;
export const HASH_LANE_B: u32 = 0x2c1b3c6d;
export const HASH_LANE_SHIFT: u32 = 15;
export const HASH_SEED_B: u32 = 0x9e3779b9;
export const HASH_MIX_1: u32 = 0x85ebca6b;
export const HASH_MIX_2: u32 = 0xc2b2ae35;

// The value of a WIKI entry is a placement. That of a HOST entry is a destination: a slot of WIKI; from WIKI's slots
// on, a path form; from these on, a form or else a wiki; and the number after the last of them, a host that is known to
// have no wiki.

// ---- RWRT: requests whose host is replaced by another before all else ------------------------------------

export const REWRITES_BODY: u32 = 4; // after u32 count
export const REWRITE_KIND: u32 = 0; // u8
export const REWRITE_LABELS: u32 = 1; // u16 (REWRITE_SUFFIX): so many labels, none of them empty, before the suffix
export const REWRITE_FROM: u32 = 3; // string
export const REWRITE_TO: u32 = 5; // string
export const REWRITE_PREFIX: u32 = 7; // string (REWRITE_SUFFIX): what goes before the labels; NONE: nothing
export const REWRITE_ENTRY: u32 = 9;

/** REWRITE_FROM is the suffix that goes, REWRITE_TO the one that comes. The first that applies is the last. */
export const REWRITE_SUFFIX: u32 = 0;
/**
 * The path's first segment is the host, and what follows it the path. REWRITE_FROM is the host that is asked for,
 * a suffix where it begins with a dot; what follows is at or under REWRITE_TO, or anything where that is empty.
 */
export const REWRITE_PATH: u32 = 1;

// ---- PATT: host patterns, the first match counts --------------------------------------------------------

export const PATTERNS_BODY: u32 = 4; // after u32 count
export const PATTERN_KIND: u32 = 0; // u8
export const PATTERN_FLAGS: u32 = 1; // u8: KEY_FLAG_DASHES
export const PATTERN_SUFFIX: u32 = 2; // string the host ends with
export const PATTERN_TAIL: u32 = 4; // string put after the stem (PATTERN_JOIN)
/** u32 (PATTERN_FIXED); else a path form that is asked before the stem, or NO_DESTINATION. */
export const PATTERN_DESTINATION: u32 = 6;
export const PATTERN_PREFIX: u32 = 10; // string the host begins with, before the stem; NONE: nothing
export const PATTERN_ENTRY: u32 = 12;
export const NO_DESTINATION: u32 = 0xffffffff;

/** Something, then the suffix → the destination. */
export const PATTERN_FIXED: u32 = 0;
/** Stem, maybe empty, then the suffix → the wiki called stem + tail. */
export const PATTERN_JOIN: u32 = 1;
/** Stem, maybe empty, dot, family of a…z, suffix → the wiki called stem + family. */
export const PATTERN_FAMILY: u32 = 2;

/** Of a pattern or a path form: "-" in the key becomes "_". */
export const KEY_FLAG_DASHES: u32 = 1;

// ---- PATH: forms of path that carry a wiki --------------------------------------------------------------

export const PATHS_REPLACEMENTS: u32 = 4; // u32, after u32 forms
export const PATHS_ELSES: u32 = 8; // u32
export const PATHS_BODY: u32 = 12; // forms, then replacements, then forms or else wikis
export const PATH_FLAGS: u32 = 0; // u8: KEY_FLAG_DASHES, PATH_FLAG_TARGET, PATH_FLAG_CLOSED, PATH_FLAG_LOWER
export const PATH_SEGMENTS: u32 = 1; // u8: the path has at least so many
export const PATH_PARTS: u32 = 2; // u8: parts of the key
export const PATH_PART: u32 = 3; // u8 × MAX_PATH_PARTS: the segment (from 0) that is this part
export const PATH_FIRST_REPLACEMENT: u32 = 7; // u16
export const PATH_REPLACEMENTS: u32 = 9; // u16
export const PATH_LITERAL: u32 = 11; // string × MAX_PATH_SEGMENTS: what the segment must be; NONE: anything
export const PATH_ENTRY: u32 = 19;
export const REPLACEMENT_SEGMENT: u32 = 0; // u8
export const REPLACEMENT_FROM: u32 = 1; // string
export const REPLACEMENT_TO: u32 = 3; // string
export const REPLACEMENT_ENTRY: u32 = 5;
export const ELSE_FORM: u32 = 0; // u16
/** u32, slot in WIKI: the wiki where the path has not the form, or names no wiki of the table. */
export const ELSE_WIKI: u32 = 2;
export const ELSE_ENTRY: u32 = 6;

/** The raw target is read, query included. */
export const PATH_FLAG_TARGET: u32 = 2;
/** The last segment must be followed by a slash. */
export const PATH_FLAG_CLOSED: u32 = 4;
/** Capital letters of segments are read as small ones. */
export const PATH_FLAG_LOWER: u32 = 8;

/** The proxy's answer, with status 400, to a path that may be read as another wiki's than the one that decided. */
export const TWO_WIKIS_TEXT: string = "the request's path can be read as that of two wikis\n";

// ---- HDRS: names of the headers that we look at, or set, in lower case -------------------------------------

export const HEADERS_BODY: u32 = 4; // after u32 count: a string each

// ---- RULE: all predicates of a rule must hold; the first rule that matches counts -----------------------

export const RULES_PREDICATES: u32 = 4; // u32, after u32 rules
export const RULES_BODY: u32 = 8; // rules, then predicates
export const RULE_FIRST_PREDICATE: u32 = 0; // u16
export const RULE_PREDICATES: u32 = 2; // u8
export const RULE_FLAGS: u32 = 3; // u8: RULE_FLAG_NO_WIKI, RULE_FLAG_BODY, RULE_FLAG_DEBUG
export const RULE_OUTCOME: u32 = 4; // u8
export const RULE_VALUE: u32 = 5; // u16
export const RULE_ENTRY: u32 = 7;
export const PREDICATE_SUBJECT: u32 = 0; // u8
export const PREDICATE_TEST: u32 = 1; // u8, TEST_NOT added where it must not hold
export const PREDICATE_NAME: u32 = 2; // u16: number in HDRS of a header; string of a cookie or a parameter
export const PREDICATE_FIRST_VALUE: u32 = 4; // string
export const PREDICATE_VALUES: u32 = 6; // u16: consecutive strings; the test holds for one of them
/** Of TEST_SHARE these two are, in their place: a string that goes before the text, and 0…SHARE_WHOLE. */
export const PREDICATE_SALT: u32 = 4;
export const PREDICATE_SHARE: u32 = 6;
export const PREDICATE_ENTRY: u32 = 8;

/** The host does not decide: the default release. */
export const RULE_FLAG_NO_WIKI: u32 = 1;
/** The wiki is in the request's body (JOBS). */
export const RULE_FLAG_BODY: u32 = 2;
/** The response says what was decided. */
export const RULE_FLAG_DEBUG: u32 = 4;

export const SUBJECT_HOST: u32 = 1;
export const SUBJECT_PATH: u32 = 2; // as the filter reads it: decoded, without `//` and dot segments
export const SUBJECT_METHOD: u32 = 3;
export const SUBJECT_HEADER: u32 = 4; // any of the header's copies
export const SUBJECT_COOKIE: u32 = 5; // any cookie of that name
export const SUBJECT_QUERY: u32 = 6; // any parameter that PHP may call so, its value decoded
/**
 * The client's address: `4` and 8 hexadecimal digits in lower case, or `6` and 32. A network is a prefix of it. IPv4
 * that is written as IPv6 (`::ffff:192.0.2.1`) is IPv4.
 */
export const SUBJECT_CLIENT: u32 = 7;

export const TEST_EXACT: u32 = 1;
export const TEST_PREFIX: u32 = 2; // not host
export const TEST_SUFFIX: u32 = 3; // host: something, then the value; path: ends with it
export const TEST_UNDER: u32 = 4; // path only: the value itself, or below it, on a segment boundary
export const TEST_ADDRESS: u32 = 5; // host only: an IP address or no authority at all; no value
export const TEST_PRESENT: u32 = 6; // header, cookie, parameter; no value
export const TEST_CONTAINS: u32 = 7; // path, header
/** Header only, and there once: of its options between `;`, the one called as the first value is one of the others. */
export const TEST_OPTION: u32 = 8;
/** Header, cookie, client: the hash of its text, or where it is none of the client's address, is in the share. */
export const TEST_SHARE: u32 = 9;
export const TEST_NOT: u32 = 0x80;

/** The request goes to deployment number RULE_VALUE. */
export const OUTCOME_DEPLOYMENT: u32 = 1;
/** Not ours: our headers are removed and none is added. */
export const OUTCOME_PASS: u32 = 2;
/** The request goes to release number RULE_VALUE, whatever its wiki's. */
export const OUTCOME_RELEASE: u32 = 3;
/** The proxy answers with reply number RULE_VALUE. */
export const OUTCOME_REPLY: u32 = 4;
/** RULE_VALUE of SHARE_WHOLE requests may go to the read-only deployment, in a secondary data centre. */
export const OUTCOME_READ_ONLY: u32 = 5;
export const SHARE_WHOLE: u32 = 10000;
/** The hash that shares are cut by: FNV's multiplier, byte by byte. */
export const SHARE_HASH: u32 = 0x01000193;

// ---- LSTN: which rules a listener has ---------------------------------------------------------------------

export const LISTENERS_SHARE_COOKIE: u32 = 2; // string, after u16 count: the cookie that a share is cut by; NONE: the client's address
export const LISTENERS_BODY: u32 = 4;
export const LISTENER_NAME: u32 = 0; // string; NONE: the only one, whatever it is called
export const LISTENER_FLAGS: u32 = 2; // u8: LISTENER_FLAG_INTERNAL
export const LISTENER_DATACENTRE: u32 = 3; // string or NONE
export const LISTENER_DEPLOYMENT: u32 = 5; // u16: when no rule matches
export const LISTENER_ROUTES: u32 = 7; // a range of rules: OUTCOME_DEPLOYMENT, OUTCOME_PASS, OUTCOME_REPLY
export const LISTENER_ASSETS: u32 = 11; // a range of rules: OUTCOME_RELEASE
export const LISTENER_READS: u32 = 15; // a range of rules: OUTCOME_READ_ONLY
export const LISTENER_TRUSTED_HOPS: u32 = 19; // u8: our own proxies at the end of X-Forwarded-For, after its client
export const LISTENER_ENTRY: u32 = 20;
/** A range of rules: u16 first, u16 how many. */
export const RANGE_COUNT: u32 = 2;

/** Clients are our own proxies and services: their X-Forwarded-For says who asked, counted from the right. */
export const LISTENER_FLAG_INTERNAL: u32 = 1;

// ---- REPL: what the proxy answers itself ------------------------------------------------------------------

export const REPLIES_BODY: u32 = 2; // after u16 count
export const REPLY_STATUS: u32 = 0; // u16, MIN_STATUS…MAX_STATUS
export const REPLY_TEXT: u32 = 2; // string
export const REPLY_ENTRY: u32 = 4;
export const MIN_STATUS: u32 = 400;
export const MAX_STATUS: u32 = 599;

// ---- DEPL, RLSE -----------------------------------------------------------------------------------------

export const DEPLOYMENTS_BODY: u32 = 2; // after u16 count: deployments, then string clusters: deployments × releases
export const DEPLOYMENT_NAME: u32 = 0; // string
export const DEPLOYMENT_READ_ONLY: u32 = 2; // u16: number of its read-only deployment, or NONE
export const DEPLOYMENT_ENTRY: u32 = 4;

export const RELEASES_DEFAULT: u32 = 2; // u16, after u16 count: the release of a request without a wiki
export const RELEASES_PLACEMENTS: u32 = 4; // u16
export const RELEASES_UNKNOWN_HOST: u32 = 6; // an outcome: u8, u16 value. Nothing says which wiki the host is
export const RELEASES_MISSING: u32 = 9; // an outcome. The wiki is none of the table's
export const RELEASES_NOT_INSTALLED: u32 = 12; // an outcome. The wiki is there, and not installed
export const RELEASES_BODY: u32 = 15; // releases, then placements
/** Of an outcome: OUTCOME_RELEASE or OUTCOME_REPLY, then its value. */
export const OUTCOME_VALUE: u32 = 1; // u16
export const RELEASE_NAME: u32 = 0; // string
export const RELEASE_VERSION: u32 = 2; // string
export const RELEASE_ENTRY: u32 = 4;
export const PLACEMENT_RELEASE: u32 = 0; // u16
export const PLACEMENT_GROUP: u32 = 2; // string
export const PLACEMENT_FLAGS: u32 = 4; // u8: PLACEMENT_FLAG_NOT_INSTALLED
export const PLACEMENT_ENTRY: u32 = 5;

export const PLACEMENT_FLAG_NOT_INSTALLED: u32 = 1;

// ---- JOBS: requests whose JSON body names the wiki --------------------------------------------------------

export const JOBS_FIELD: u32 = 0; // string: the name at the top of the body; NONE: no rule reads bodies
export const JOBS_HOST: u32 = 2; // u8: when Host becomes the wiki's own
export const JOBS_LIMIT: u32 = 3; // u32: the field ends within so many bytes, or is not looked for
export const JOBS_HELD_BYTES: u32 = 7; // u32: of bodies that wait in a worker, at least JOBS_LIMIT
export const JOBS_HELD_STREAMS: u32 = 11; // u16: jobs that wait in a worker, at least one
export const JOBS_HELD_SECONDS: u32 = 13; // u16: how long one of them waits
export const JOBS_BYTES: u32 = 15;

/** The proxy's answer, with status 400, to a body that names two wikis: what upstream reads would not be what decided. */
export const CONFLICT_TEXT: string = "the request's body names two different wikis\n";

export const HOST_NEVER: u32 = 0;
export const HOST_IF_UNKNOWN: u32 = 1; // the request's own host leads to no wiki
export const HOST_ALWAYS: u32 = 2;

// ---- CANO: from a wiki back to its own host ---------------------------------------------------------------

export const CANONICAL_EXCEPTIONS: u32 = 2; // u32, after u16 rules
export const CANONICAL_BODY: u32 = 6; // rules, then exceptions, sorted by slot
export const CANONICAL_TAIL: u32 = 0; // string: the wiki ID is stem + tail; the first rule that fits counts
export const CANONICAL_SUFFIX: u32 = 2; // string: the host is stem + suffix
export const CANONICAL_FLAGS: u32 = 4; // u8: CANONICAL_FLAG_DASHES
export const CANONICAL_RULE: u32 = 5;
export const EXCEPTION_SLOT: u32 = 0; // u32: slot in WIKI
export const EXCEPTION_VALUE: u32 = 4; // u32: a rule's number; from the number of rules on, a slot in HOST; NO_CANONICAL_HOST
export const EXCEPTION_ENTRY: u32 = 8;
/** `_` in the stem becomes `-`. */
export const CANONICAL_FLAG_DASHES: u32 = 1;
/** The wiki has no canonical host. */
export const NO_CANONICAL_HOST: u32 = 0xffffffff;

// ---- EMIT: the headers that upstream gets ---------------------------------------------------------------

export const EMIT_BODY: u32 = 4; // after u32 count
export const EMIT_KIND: u32 = 0; // u8
export const EMIT_HEADER: u32 = 1; // u8: number in HDRS
export const EMIT_ENTRY: u32 = 2;

/** Names that no table may emit, each between spaces: hop-by-hop and framing (RFC 9110, 7.6.1 and 8.6; RFC 9112, 6). */
export const NEVER_EMITTED: string =
  " connection content-length host keep-alive proxy-connection te trailer transfer-encoding upgrade ";

export const EMIT_CLUSTER: u32 = 0;
export const EMIT_RELEASE: u32 = 1;
export const EMIT_WIKI: u32 = 2;
export const EMIT_GROUP: u32 = 3;
export const EMIT_VERSION: u32 = 4;
export const EMIT_DEPLOYMENT: u32 = 5;
export const EMIT_KINDS: u32 = 6;

// ---- Limits: what the packer refuses is what the reader refuses -----------------------------------------

/** Bytes of a table. */
export const MAX_TABLE_BYTES: u32 = 67108864;
/** Sections in the directory, unknown ones included. */
export const MAX_SECTIONS: u32 = 64;
/** Strings in STRS: their numbers are u16 and NONE is taken. */
export const MAX_STRINGS: u32 = 65535;
/** Bytes of one string or stem. */
export const MAX_STRING_BYTES: u32 = 255;
/** Stems in STEM: 24 bits of a keyed entry, all ones left for "empty". */
export const MAX_STEMS: u32 = 16777215;
/** Keys of one set, wikis or exact hosts. */
export const MAX_KEYS: u32 = 8388608;
/** Entries of RWRT, of PATT: lists that a request walks from the top. */
export const MAX_REWRITES: u32 = 64;
export const MAX_PATTERNS: u32 = 256;
/** Entries of PATH: a host says which. Its replacements have a u16 for a number; a request walks those of one form. */
export const MAX_PATH_FORMS: u32 = 65535;
export const MAX_PATH_SEGMENTS: u32 = 4;
export const MAX_PATH_PARTS: u32 = 4;
export const MAX_REPLACEMENTS: u32 = 65535;
/** Pairs of a form and the wiki where the path carries none. */
export const MAX_ELSES: u32 = 65535;
/** Headers that we look at or set: a bit each. */
export const MAX_HEADERS: u32 = 32;
export const MAX_RULES: u32 = 1024;
export const MAX_PREDICATES: u32 = 4096;
/** Predicates of one rule: their number is a u8. */
export const MAX_RULE_PREDICATES: u32 = 255;
export const MAX_LISTENERS: u32 = 256;
/** Of a listener: their number is a u8. */
export const MAX_TRUSTED_HOPS: u32 = 255;
export const MAX_REPLIES: u32 = 64;
/** Bytes of a body in which the wiki is looked for. */
export const MAX_JOB_LIMIT: u32 = 16777216;
/** Bytes, streams and seconds that a worker may hold of jobs whose wiki is not known yet. */
export const MAX_HELD_BYTES: u32 = 1073741824;
export const MAX_HELD_STREAMS: u32 = 65535;
export const MAX_HELD_SECONDS: u32 = 3600;
export const MAX_CANONICAL_RULES: u32 = 64;
export const MAX_DEPLOYMENTS: u32 = 256;
export const MAX_RELEASES: u32 = 256;
export const MAX_PLACEMENTS: u32 = 4096;
