// What a table must hold: every number that a look-up will follow is checked here, once, so that look-ups check none.
// Written once for the filter (AssemblyScript) and the packer (TypeScript): see section-reader.ts.
// No sum here exceeds a u32: what is multiplied has been held against its limit before.

import * as C from "./characters";
import * as L from "./layout";
import { REFUSED_CONTENT, REFUSED_DAMAGED, REFUSED_LAYOUT } from "./refusals";
import { KeySetShape, SectionReader } from "./section-reader";

/** Methods that begin with `check` end with a sentence that says what is wrong and where; see `refuse`. */
export abstract class Checker extends SectionReader {
  /** What a refusal is counted as; see refusals.ts. */
  code: u32 = 0;
  stems: u32 = 0;
  replies: u32 = 0;
  releases: u32 = 0;
  deployments: u32 = 0;
  paths: u32 = 0;
  elses: u32 = 0;
  headers: u32 = 0;
  rules: u32 = 0;
  /** Number of the header of that name in HDRS, or NONE. */
  cookieHeader: u32 = L.NONE;
  forwardedHeader: u32 = L.NONE;
  wikis: KeySetShape = new KeySetShape();
  hosts: KeySetShape = new KeySetShape();

  check(): bool {
    return (
      this.checkContainer() &&
      this.checkStrings() &&
      this.checkStems() &&
      this.checkReplies() &&
      this.checkReleases() &&
      this.checkPaths() &&
      this.checkKeySet(
        L.SECTION_WIKIS,
        this.wikis,
        this.u16(this.startOf(L.SECTION_RELEASES) + L.RELEASES_PLACEMENTS),
      ) &&
      this.checkKeySet(L.SECTION_HOSTS, this.hosts, this.wikis.slots + this.paths + this.elses + 1) &&
      this.checkElses() &&
      this.checkHostDestinations() &&
      this.checkRewrites() &&
      this.checkPatterns() &&
      this.checkDeployments() &&
      this.checkHeaders() &&
      this.checkJobs() &&
      this.checkRules() &&
      this.checkListeners() &&
      this.checkEmit() &&
      this.checkCanonical()
    );
  }

  /** Header and directory: where the sections lie. */
  checkContainer(): bool {
    const length = this.length;
    this.code = REFUSED_DAMAGED;
    if (length < L.HEADER_BYTES) return this.failCount(length, " bytes: too short for a table");
    if (this.u32(L.HEADER_MAGIC) != L.MAGIC) return this.failPlain('does not begin with "PNTS": not a table');
    const version = this.u16(L.HEADER_VERSION);
    if (version != L.LAYOUT_VERSION) {
      this.code = REFUSED_LAYOUT;
      this.say("layout version ");
      this.sayNumber(version);
      this.say(": this reader knows ");
      this.sayNumber(L.LAYOUT_VERSION);
      return this.refuse();
    }
    if (length > L.MAX_TABLE_BYTES) return this.failCount(length, " bytes: too large for a table");
    const declared = this.u32(L.HEADER_LENGTH);
    if (declared != length) {
      this.sayNumber(length);
      this.say(" bytes, but its header says ");
      return this.failCount(declared, ": cut short or padded");
    }
    if (this.u32(L.HEADER_CHECKSUM) != this.checksumFrom(L.CHECKSUM_FROM)) {
      return this.failPlain("the checksum is wrong: the table is damaged");
    }
    this.code = REFUSED_CONTENT;
    const count = this.u16(L.HEADER_SECTIONS);
    const body = L.HEADER_BYTES + count * L.DIRECTORY_ENTRY;
    if (count > L.MAX_SECTIONS || body > length) return this.failCount(count, " sections: too many");
    for (let i: u32 = 0; i < count; i++) {
      const at = L.HEADER_BYTES + i * L.DIRECTORY_ENTRY;
      const name = this.u32(at);
      const start = this.u32(at + L.DIRECTORY_OFFSET);
      if (start < body || start > length || this.u32(at + L.DIRECTORY_LENGTH) > length - start) {
        return this.fail(name, "lies outside the table");
      }
      if (this.entryOf(name) != at) return this.fail(name, "occurs twice");
      if (!L.SECTIONS.includes(name) && (name & L.OPTIONAL_BIT) == 0) {
        return this.fail(name, "is unknown to this reader");
      }
    }
    for (let i = 0; i < L.SECTIONS.length; i++) {
      const name: u32 = L.SECTIONS[i] as u32;
      if (this.entryOf(name) == 0) return this.fail(name, "is missing");
    }
    return true;
  }

  // ---- Strings and stems ----------------------------------------------------------------------------------

  checkStrings(): bool {
    const name = L.SECTION_STRINGS;
    if (!this.checkRoom(name, L.STRINGS_ENDS)) return false;
    const start = this.startOf(name);
    const count = this.u32(start);
    if (count > L.MAX_STRINGS) return this.fail(name, "has too many strings");
    const text: u32 = L.STRINGS_ENDS + 4 * count;
    if (!this.checkRoom(name, text)) return false;
    const size = this.lengthOf(name) - text;
    let last: u32 = 0;
    for (let i: u32 = 0; i < count; i++) {
      const end = this.u32(start + L.STRINGS_ENDS + 4 * i);
      if (end < last || end > size || end - last > L.MAX_STRING_BYTES) {
        return this.failAt(name, "string", i, "is out of bounds");
      }
      last = end;
    }
    if (last != size) return this.fail(name, "has bytes left over");
    this.strings = count;
    return this.checkText(name, start + text, size);
  }

  /** What goes into a header's value must not end it. */
  checkText(name: u32, at: u32, length: u32): bool {
    return this.isPrintable(at, length) || this.fail(name, "holds a byte that is not printable ASCII");
  }

  checkStems(): bool {
    const name = L.SECTION_STEMS;
    if (!this.checkRoom(name, L.STEMS_GROUPS)) return false;
    const start = this.startOf(name);
    const groups = this.u32(start);
    if (groups > L.MAX_STRING_BYTES + 1) return this.fail(name, "has too many groups");
    const text: u32 = L.STEMS_GROUPS + 4 * groups;
    if (!this.checkRoom(name, text)) return false;
    let count: u32 = 0;
    let size: u32 = 0;
    let least: u32 = 0;
    for (let i: u32 = 0; i < groups; i++) {
      const group = this.u32(start + L.STEMS_GROUPS + 4 * i);
      const stems = group >>> L.STEMS_COUNT_SHIFT;
      const length = group & 0xff;
      if (stems > L.MAX_STEMS - count) return this.fail(name, "has too many stems");
      if (length < least) return this.fail(name, "has groups that are not in order");
      count += stems;
      size += length * stems;
      least = length + 1;
    }
    if (size != this.lengthOf(name) - text) return this.fail(name, "is not as long as its stems");
    this.stems = count;
    return this.checkText(name, start + text, size);
  }

  // ---- Replies, releases and path forms -------------------------------------------------------------------

  checkReplies(): bool {
    const name = L.SECTION_REPLIES;
    if (!this.checkRoom(name, L.REPLIES_BODY)) return false;
    const start = this.startOf(name);
    this.replies = this.u16(start);
    if (this.replies > L.MAX_REPLIES) return this.fail(name, "has too many replies");
    if (!this.checkLength(name, L.REPLIES_BODY + this.replies * L.REPLY_ENTRY)) return false;
    for (let i: u32 = 0; i < this.replies; i++) {
      const at = start + L.REPLIES_BODY + i * L.REPLY_ENTRY;
      const status = this.u16(at + L.REPLY_STATUS);
      if (status < L.MIN_STATUS || status > L.MAX_STATUS) {
        return this.failAt(name, "reply", i, "has no proper status");
      }
      if (!this.checkString(name, at + L.REPLY_TEXT)) return false;
    }
    return true;
  }

  checkReleases(): bool {
    const name = L.SECTION_RELEASES;
    if (!this.checkRoom(name, L.RELEASES_BODY)) return false;
    const start = this.startOf(name);
    this.releases = this.u16(start);
    const placements = this.u16(start + L.RELEASES_PLACEMENTS);
    if (this.releases > L.MAX_RELEASES) return this.fail(name, "has too many releases");
    if (placements > L.MAX_PLACEMENTS) return this.fail(name, "has too many placements");
    const first = L.RELEASES_BODY + this.releases * L.RELEASE_ENTRY;
    if (!this.checkLength(name, first + placements * L.PLACEMENT_ENTRY)) return false;
    if (this.u16(start + L.RELEASES_DEFAULT) >= this.releases) {
      return this.fail(name, "has no such default release");
    }
    if (!this.checkWikiless(start + L.RELEASES_UNKNOWN_HOST)) return false;
    if (!this.checkWikiless(start + L.RELEASES_MISSING)) return false;
    if (!this.checkWikiless(start + L.RELEASES_NOT_INSTALLED)) return false;
    for (let i: u32 = 0; i < this.releases; i++) {
      const at = start + L.RELEASES_BODY + i * L.RELEASE_ENTRY;
      if (!this.checkString(name, at + L.RELEASE_NAME)) return false;
      if (!this.checkString(name, at + L.RELEASE_VERSION)) return false;
    }
    for (let i: u32 = 0; i < placements; i++) {
      const at = start + first + i * L.PLACEMENT_ENTRY;
      if (this.u16(at + L.PLACEMENT_RELEASE) >= this.releases) {
        return this.failAt(name, "placement", i, "has no release");
      }
      if (!this.checkStringOrNone(name, at + L.PLACEMENT_GROUP)) return false;
      if ((this.u8(at + L.PLACEMENT_FLAGS) & ~L.PLACEMENT_FLAG_NOT_INSTALLED) != 0) {
        return this.failAt(name, "placement", i, "has an unknown flag");
      }
    }
    return true;
  }

  /** @param at of u8 outcome, u16 value */
  checkWikiless(at: u32): bool {
    const outcome = this.u8(at);
    const value = this.u16(at + L.OUTCOME_VALUE);
    const isThere =
      (outcome == L.OUTCOME_RELEASE && value < this.releases) ||
      (outcome == L.OUTCOME_REPLY && value < this.replies);
    return isThere || this.fail(L.SECTION_RELEASES, "has no outcome for a request without a wiki");
  }

  checkPaths(): bool {
    const name = L.SECTION_PATHS;
    if (!this.checkRoom(name, L.PATHS_BODY)) return false;
    const start = this.startOf(name);
    const replacements = this.u32(start + L.PATHS_REPLACEMENTS);
    this.paths = this.u32(start);
    this.elses = this.u32(start + L.PATHS_ELSES);
    if (this.paths > L.MAX_PATH_FORMS) return this.fail(name, "has too many forms");
    if (replacements > L.MAX_REPLACEMENTS) return this.fail(name, "has too many replacements");
    if (this.elses > L.MAX_ELSES) return this.fail(name, "has too many wikis beside forms");
    const forms = L.PATHS_BODY + this.paths * L.PATH_ENTRY;
    const elses = forms + replacements * L.REPLACEMENT_ENTRY;
    if (!this.checkLength(name, elses + this.elses * L.ELSE_ENTRY)) return false;
    for (let i: u32 = 0; i < this.paths; i++) {
      const at = start + L.PATHS_BODY + i * L.PATH_ENTRY;
      const last = this.u16(at + L.PATH_FIRST_REPLACEMENT) + this.u16(at + L.PATH_REPLACEMENTS);
      if (last > replacements || !this.isPathForm(at)) return this.failAt(name, "form", i, "makes no sense");
    }
    for (let i: u32 = 0; i < replacements; i++) {
      const at = start + forms + i * L.REPLACEMENT_ENTRY;
      if (!this.checkString(name, at + L.REPLACEMENT_FROM)) return false;
      if (!this.checkString(name, at + L.REPLACEMENT_TO)) return false;
    }
    return true;
  }

  isPathForm(at: u32): bool {
    const segments = this.u8(at + L.PATH_SEGMENTS);
    const parts = this.u8(at + L.PATH_PARTS);
    const known = L.KEY_FLAG_DASHES | L.PATH_FLAG_TARGET | L.PATH_FLAG_CLOSED | L.PATH_FLAG_LOWER;
    if ((this.u8(at + L.PATH_FLAGS) & ~known) != 0) return false;
    if (segments < 1 || segments > L.MAX_PATH_SEGMENTS) return false;
    if (parts < 1 || parts > L.MAX_PATH_PARTS) return false;
    for (let part: u32 = 0; part < parts; part++) {
      if (this.u8(at + L.PATH_PART + part) >= segments) return false;
    }
    for (let segment: u32 = 0; segment < segments; segment++) {
      const literal = this.u16(at + L.PATH_LITERAL + 2 * segment);
      if (literal != L.NONE && literal >= this.strings) return false;
    }
    return true;
  }

  // ---- Keys and where they lead ---------------------------------------------------------------------------

  checkKeySet(name: u32, set: KeySetShape, values: u32): bool {
    if (!this.checkRoom(name, L.KEYS_BODY)) return false;
    const start = this.startOf(name);
    set.count = this.u32(start + L.KEYS_COUNT);
    set.slots = this.u32(start + L.KEYS_SLOTS);
    set.buckets = this.u32(start + L.KEYS_BUCKETS);
    set.seed = this.u32(start + L.KEYS_SEED);
    set.displacementBytes = this.u8(start + L.KEYS_DISPLACEMENT_BYTES);
    set.displacements = start + L.KEYS_BODY;
    set.entryBytes = this.u8(start + L.KEYS_ENTRY_BYTES);
    set.stemBits = this.u8(start + L.KEYS_STEM_BITS);
    set.suffixBits = this.u8(start + L.KEYS_SUFFIX_BITS);
    set.firstSuffix = this.u16(start + L.KEYS_FIRST_SUFFIX);
    set.suffixes = this.u16(start + L.KEYS_SUFFIXES);
    set.values = values;
    // Slots exceed keys by a thirty-second; twice the keys is far beyond what a packer makes.
    const isSized = set.count <= L.MAX_KEYS && set.slots <= 2 * set.count && set.buckets <= set.slots;
    if (!isSized || set.count > set.slots || (set.slots > 0 && set.buckets == 0)) {
      return this.fail(name, "has impossible sizes");
    }
    if (set.displacementBytes != 1 && set.displacementBytes != 2 && set.displacementBytes != 4) {
      return this.fail(name, "has impossible displacements");
    }
    const keyBits = set.stemBits + set.suffixBits;
    const bits: u32 = 8 * set.entryBytes;
    const fits = set.entryBytes >= 1 && set.entryBytes <= 8 && bits > keyBits && bits - keyBits <= 32;
    if (!fits || set.stemBits < 1 || set.stemBits > 24 || set.suffixBits < 1 || set.suffixBits > 16) {
      return this.fail(name, "has impossible entries");
    }
    if (set.firstSuffix + set.suffixes > this.strings) {
      return this.fail(name, "has suffixes that are no strings");
    }
    const displacements = set.buckets * set.displacementBytes;
    set.entries = set.displacements + displacements;
    if (!this.checkLength(name, L.KEYS_BODY + displacements + set.slots * set.entryBytes)) return false;
    const unsound = this.firstUnsound(set, this.stems);
    if (unsound < set.slots) return this.failAt(name, "entry", unsound, "is out of bounds");
    return this.keys == set.count || this.fail(name, "does not have as many keys as it says");
  }

  /** A destination is a slot that holds a wiki, a path form, or the number after the last: no wiki. */
  checkDestination(name: u32, destination: u32): bool {
    const isThere =
      destination < this.wikis.slots
        ? this.isFilled(this.wikis, destination)
        : destination < this.hosts.values;
    return isThere || this.fail(name, "leads to a wiki that is not there");
  }

  /** What checkDestination checks, of each host. */
  checkHostDestinations(): bool {
    return (
      this.leadToWikis(this.hosts, this.wikis) ||
      this.fail(L.SECTION_HOSTS, "leads to a wiki that is not there")
    );
  }

  /** A form, and a wiki that is there. */
  checkElses(): bool {
    const name = L.SECTION_PATHS;
    const first = this.startOf(name) + this.lengthOf(name) - this.elses * L.ELSE_ENTRY;
    for (let i: u32 = 0; i < this.elses; i++) {
      const at = first + i * L.ELSE_ENTRY;
      const wiki = this.u32(at + L.ELSE_WIKI);
      if (
        this.u16(at + L.ELSE_FORM) >= this.paths ||
        wiki >= this.wikis.slots ||
        !this.isFilled(this.wikis, wiki)
      ) {
        return this.failAt(name, "wiki beside a form", i, "is not there");
      }
    }
    return true;
  }

  checkRewrites(): bool {
    const name = L.SECTION_REWRITES;
    if (!this.checkList(name, L.REWRITES_BODY, L.REWRITE_ENTRY, L.MAX_REWRITES)) return false;
    const start = this.startOf(name);
    const count = this.u32(start);
    let hasSuffix = false;
    for (let i: u32 = 0; i < count; i++) {
      const at = start + L.REWRITES_BODY + i * L.REWRITE_ENTRY;
      const kind = this.u8(at + L.REWRITE_KIND);
      if (kind > L.REWRITE_PATH) return this.failAt(name, "entry", i, "is of an unknown kind");
      if (kind == L.REWRITE_PATH && hasSuffix) {
        return this.failAt(name, "entry", i, "comes after a suffix entry");
      }
      if (kind == L.REWRITE_SUFFIX) {
        hasSuffix = true;
        if (this.u16(at + L.REWRITE_LABELS) == 0) return this.failAt(name, "entry", i, "has no labels");
      }
      if (!this.checkString(name, at + L.REWRITE_FROM)) return false;
      if (!this.checkString(name, at + L.REWRITE_TO)) return false;
      if (!this.checkStringOrNone(name, at + L.REWRITE_PREFIX)) return false;
    }
    return true;
  }

  checkPatterns(): bool {
    const name = L.SECTION_PATTERNS;
    if (!this.checkList(name, L.PATTERNS_BODY, L.PATTERN_ENTRY, L.MAX_PATTERNS)) return false;
    const start = this.startOf(name);
    const count = this.u32(start);
    for (let i: u32 = 0; i < count; i++) {
      const at = start + L.PATTERNS_BODY + i * L.PATTERN_ENTRY;
      const kind = this.u8(at + L.PATTERN_KIND);
      if (kind > L.PATTERN_FAMILY || (this.u8(at + L.PATTERN_FLAGS) & ~L.KEY_FLAG_DASHES) != 0) {
        return this.failAt(name, "pattern", i, "is of an unknown kind");
      }
      if (!this.checkString(name, at + L.PATTERN_SUFFIX)) return false;
      if (kind == L.PATTERN_JOIN) {
        if (!this.checkString(name, at + L.PATTERN_TAIL)) return false;
      } else if (!this.checkStringOrNone(name, at + L.PATTERN_TAIL)) return false;
      if (!this.checkStringOrNone(name, at + L.PATTERN_PREFIX)) return false;
      const destination = this.u32(at + L.PATTERN_DESTINATION);
      if (kind == L.PATTERN_FIXED) {
        if (!this.checkDestination(name, destination)) return false;
      } else if (destination != L.NO_DESTINATION) {
        if (destination < this.wikis.slots || destination - this.wikis.slots >= this.paths) {
          return this.failAt(name, "pattern", i, "has no such path form");
        }
      }
    }
    return true;
  }

  // ---- Deployments, headers, jobs -------------------------------------------------------------------------

  checkDeployments(): bool {
    const name = L.SECTION_DEPLOYMENTS;
    if (!this.checkRoom(name, L.DEPLOYMENTS_BODY)) return false;
    const start = this.startOf(name);
    const count = this.u16(start);
    if (count > L.MAX_DEPLOYMENTS) return this.fail(name, "has too many deployments");
    this.deployments = count;
    const body = start + L.DEPLOYMENTS_BODY;
    const clusters = count * this.releases;
    const first = count * L.DEPLOYMENT_ENTRY;
    if (!this.checkLength(name, L.DEPLOYMENTS_BODY + first + 2 * clusters)) return false;
    for (let i: u32 = 0; i < count; i++) {
      const at = body + i * L.DEPLOYMENT_ENTRY;
      if (!this.checkString(name, at + L.DEPLOYMENT_NAME)) return false;
      const readOnly = this.u16(at + L.DEPLOYMENT_READ_ONLY);
      if (readOnly == L.NONE) continue;
      // A read-only deployment of a read-only one would read in a third place.
      if (
        readOnly >= count ||
        this.u16(body + readOnly * L.DEPLOYMENT_ENTRY + L.DEPLOYMENT_READ_ONLY) != L.NONE
      ) {
        return this.failAt(name, "deployment", i, "has no proper read-only deployment");
      }
    }
    for (let i: u32 = 0; i < clusters; i++) {
      if (!this.checkString(name, body + first + 2 * i)) return false;
    }
    return true;
  }

  checkHeaders(): bool {
    const name = L.SECTION_HEADERS;
    if (!this.checkList(name, L.HEADERS_BODY, 2, L.MAX_HEADERS)) return false;
    const start = this.startOf(name);
    this.headers = this.u32(start);
    this.cookieHeader = L.NONE;
    this.forwardedHeader = L.NONE;
    for (let i: u32 = 0; i < this.headers; i++) {
      if (!this.checkString(name, start + L.HEADERS_BODY + 2 * i)) return false;
      const header = this.u16(start + L.HEADERS_BODY + 2 * i);
      let isNew = this.isHeaderName(header);
      for (let before: u32 = 0; isNew && before < i; before++) {
        isNew = !this.areSame(header, this.u16(start + L.HEADERS_BODY + 2 * before));
      }
      if (!isNew) return this.failAt(name, "header", i, "has no proper name");
      if (this.isText(header, "cookie")) this.cookieHeader = i;
      if (this.isText(header, "x-forwarded-for")) this.forwardedHeader = i;
    }
    return true;
  }

  /** Lower-case letters, digits and dashes: so no pseudo-header. */
  isHeaderName(number: u32): bool {
    const length = this.stringLength(number);
    const start = this.stringStart(number);
    for (let i: u32 = 0; i < length; i++) {
      const byte = this.u8(start + i);
      const isOk =
        (byte >= C.LOWER_A && byte <= C.LOWER_Z) || (byte >= C.ZERO && byte <= C.NINE) || byte == C.DASH;
      if (!isOk) return false;
    }
    return length > 0;
  }

  checkJobs(): bool {
    const name = L.SECTION_JOBS;
    if (!this.checkLength(name, L.JOBS_BYTES)) return false;
    const start = this.startOf(name);
    if (!this.checkStringOrNone(name, start + L.JOBS_FIELD)) return false;
    if (this.u8(start + L.JOBS_HOST) > L.HOST_ALWAYS) return this.fail(name, "has an unknown mode for Host");
    const limit = this.u32(start + L.JOBS_LIMIT);
    if (limit > L.MAX_JOB_LIMIT) return this.fail(name, "has too large a limit");
    const bytes = this.u32(start + L.JOBS_HELD_BYTES);
    if (bytes > L.MAX_HELD_BYTES) return this.fail(name, "holds too many bytes");
    if (bytes < limit) return this.fail(name, "holds fewer bytes than one body may have");
    const seconds: u32 = this.u16(start + L.JOBS_HELD_SECONDS);
    if (seconds > L.MAX_HELD_SECONDS) return this.fail(name, "holds for too many seconds");
    const holds = this.u16(start + L.JOBS_HELD_STREAMS) > 0 && seconds > 0;
    return holds || this.u16(start + L.JOBS_FIELD) == L.NONE || this.fail(name, "holds no job");
  }

  // ---- Rules and who has them -----------------------------------------------------------------------------

  checkRules(): bool {
    const name = L.SECTION_RULES;
    if (!this.checkRoom(name, L.RULES_BODY)) return false;
    const start = this.startOf(name);
    const predicates = this.u32(start + L.RULES_PREDICATES);
    this.rules = this.u32(start);
    if (this.rules > L.MAX_RULES) return this.fail(name, "has too many rules");
    if (predicates > L.MAX_PREDICATES) return this.fail(name, "has too many predicates");
    const first = L.RULES_BODY + this.rules * L.RULE_ENTRY;
    if (!this.checkLength(name, first + predicates * L.PREDICATE_ENTRY)) return false;
    for (let i: u32 = 0; i < this.rules; i++) {
      if (!this.checkRule(i, start + L.RULES_BODY + i * L.RULE_ENTRY, predicates)) return false;
    }
    for (let i: u32 = 0; i < predicates; i++) {
      if (!this.checkPredicate(i, start + first + i * L.PREDICATE_ENTRY)) return false;
    }
    return true;
  }

  checkRule(i: u32, at: u32, predicates: u32): bool {
    const name = L.SECTION_RULES;
    if (this.u16(at + L.RULE_FIRST_PREDICATE) + this.u8(at + L.RULE_PREDICATES) > predicates) {
      return this.failAt(name, "rule", i, "has predicates that are not there");
    }
    const outcome = this.u8(at + L.RULE_OUTCOME);
    if (!this.isOutcome(outcome, this.u16(at + L.RULE_VALUE))) {
      return this.failAt(name, "rule", i, "has an unknown outcome");
    }
    const wiki = this.u8(at + L.RULE_FLAGS) & ~L.RULE_FLAG_DEBUG;
    const isKnown = wiki == 0 || wiki == L.RULE_FLAG_NO_WIKI || wiki == L.RULE_FLAG_BODY;
    if (!isKnown || (wiki != 0 && outcome != L.OUTCOME_DEPLOYMENT)) {
      return this.failAt(name, "rule", i, "has flags that make no sense");
    }
    if (wiki == L.RULE_FLAG_BODY && this.u16(this.startOf(L.SECTION_JOBS) + L.JOBS_FIELD) == L.NONE) {
      return this.failAt(name, "rule", i, "reads bodies, and JOBS names no field");
    }
    return true;
  }

  isOutcome(outcome: u32, value: u32): bool {
    switch (outcome) {
      case L.OUTCOME_DEPLOYMENT:
        return value < this.deployments;
      case L.OUTCOME_PASS:
        return true;
      case L.OUTCOME_RELEASE:
        return value < this.releases;
      case L.OUTCOME_REPLY:
        return value < this.replies;
      case L.OUTCOME_READ_ONLY:
        return value <= L.SHARE_WHOLE;
      default:
        return false;
    }
  }

  checkPredicate(i: u32, at: u32): bool {
    const name = L.SECTION_RULES;
    const subject = this.u8(at + L.PREDICATE_SUBJECT);
    const test = this.u8(at + L.PREDICATE_TEST) & ~L.TEST_NOT;
    if (test >= 32 || (testsOf(subject) & (1 << test)) == 0) {
      return this.failAt(name, "predicate", i, "is unknown to this reader");
    }
    const called = this.u16(at + L.PREDICATE_NAME);
    let isNamed = called == L.NONE;
    if (subject == L.SUBJECT_HEADER) isNamed = called < this.headers;
    if (subject == L.SUBJECT_COOKIE || subject == L.SUBJECT_QUERY) isNamed = this.isName(called);
    if (!isNamed) return this.failAt(name, "predicate", i, "has no proper name");
    if (subject == L.SUBJECT_COOKIE && this.cookieHeader == L.NONE) {
      return this.failAt(name, "predicate", i, "is about a cookie, and HDRS has no cookie");
    }
    if (test == L.TEST_SHARE) {
      if (this.u16(at + L.PREDICATE_SHARE) > L.SHARE_WHOLE) {
        return this.failAt(name, "predicate", i, "has a share of more than all");
      }
      return this.checkString(name, at + L.PREDICATE_SALT);
    }
    const values = this.u16(at + L.PREDICATE_VALUES);
    const isBare = test == L.TEST_ADDRESS || test == L.TEST_PRESENT;
    const least: u32 = test == L.TEST_OPTION ? 2 : 1;
    if (isBare ? values != 0 : values < least) {
      return this.failAt(name, "predicate", i, "has too few values, or too many");
    }
    if (values == 0 || this.u16(at + L.PREDICATE_FIRST_VALUE) + values <= this.strings) return true;
    return this.fail(name, "refers to a string that is not there");
  }

  checkListeners(): bool {
    const name = L.SECTION_LISTENERS;
    if (!this.checkRoom(name, L.LISTENERS_BODY)) return false;
    const start = this.startOf(name);
    const count = this.u16(start);
    const cookie = this.u16(start + L.LISTENERS_SHARE_COOKIE);
    if (count > L.MAX_LISTENERS) return this.fail(name, "has too many listeners");
    if (count == 0) return this.fail(name, "has no listener");
    if (!this.checkLength(name, L.LISTENERS_BODY + count * L.LISTENER_ENTRY)) return false;
    if (cookie != L.NONE) {
      if (!this.isName(cookie)) return this.fail(name, "has no proper name of the share's cookie");
      if (this.cookieHeader == L.NONE) {
        return this.fail(name, "cuts shares by a cookie, and HDRS has no cookie");
      }
    }
    for (let i: u32 = 0; i < count; i++) {
      if (!this.checkListener(i, start + L.LISTENERS_BODY + i * L.LISTENER_ENTRY, count)) return false;
    }
    return true;
  }

  checkListener(i: u32, at: u32, count: u32): bool {
    const name = L.SECTION_LISTENERS;
    if (!this.isListenerName(i, at, count)) return this.failAt(name, "listener", i, "has no name of its own");
    if ((this.u8(at + L.LISTENER_FLAGS) & ~L.LISTENER_FLAG_INTERNAL) != 0) {
      return this.failAt(name, "listener", i, "has an unknown flag");
    }
    if (!this.checkStringOrNone(name, at + L.LISTENER_DATACENTRE)) return false;
    if (this.u16(at + L.LISTENER_DEPLOYMENT) >= this.deployments) {
      return this.failAt(name, "listener", i, "has no such deployment");
    }
    if (this.u8(at + L.LISTENER_FLAGS) == 0 && this.u8(at + L.LISTENER_TRUSTED_HOPS) != 0) {
      return this.failAt(name, "listener", i, "is an edge and trusts hops");
    }
    const routes: u32 = (1 << L.OUTCOME_DEPLOYMENT) | (1 << L.OUTCOME_PASS) | (1 << L.OUTCOME_REPLY);
    return (
      this.checkRange(i, at + L.LISTENER_ROUTES, routes) &&
      this.checkRange(i, at + L.LISTENER_ASSETS, 1 << L.OUTCOME_RELEASE) &&
      this.checkRange(i, at + L.LISTENER_READS, 1 << L.OUTCOME_READ_ONLY)
    );
  }

  /** A name, and not that of one of the listeners before it; or no name, of the only one. */
  isListenerName(i: u32, at: u32, count: u32): bool {
    const name = this.u16(at + L.LISTENER_NAME);
    if (name == L.NONE) return count == 1;
    if (!this.isName(name)) return false;
    for (let before: u32 = 1; before <= i; before++) {
      const other = this.u16(at - before * L.LISTENER_ENTRY + L.LISTENER_NAME);
      if (this.areSame(other, name)) return false;
    }
    return true;
  }

  /** The rules of one of a listener's lists are there, and have an outcome whose bit is in `outcomes`. */
  checkRange(listener: u32, at: u32, outcomes: u32): bool {
    const name = L.SECTION_LISTENERS;
    const first = this.u16(at);
    const end = first + this.u16(at + L.RANGE_COUNT);
    if (end > this.rules) return this.failAt(name, "listener", listener, "has rules that are not there");
    const rules = this.startOf(L.SECTION_RULES) + L.RULES_BODY;
    for (let i = first; i < end; i++) {
      const outcome = this.u8(rules + i * L.RULE_ENTRY + L.RULE_OUTCOME);
      if ((outcomes & (1 << outcome)) == 0) {
        return this.failAt(name, "listener", listener, "has rules of a kind that is not allowed there");
      }
    }
    return true;
  }

  // ---- What is said of a wiki -----------------------------------------------------------------------------

  checkEmit(): bool {
    const name = L.SECTION_EMIT;
    if (!this.checkList(name, L.EMIT_BODY, L.EMIT_ENTRY, L.EMIT_KINDS)) return false;
    const start = this.startOf(name);
    const count = this.u32(start);
    let kinds: u32 = 0;
    let headers: u32 = 0;
    for (let i: u32 = 0; i < count; i++) {
      const at = start + L.EMIT_BODY + i * L.EMIT_ENTRY;
      const kind = this.u8(at + L.EMIT_KIND);
      if (kind >= L.EMIT_KINDS || (kinds & (1 << kind)) != 0) {
        return this.failAt(name, "header", i, "is of a kind that is unknown or occurs twice");
      }
      kinds |= 1 << kind;
      const header = this.u8(at + L.EMIT_HEADER);
      if (header >= this.headers || (headers & (1 << header)) != 0) {
        return this.failAt(name, "header", i, "is not in HDRS, or occurs twice");
      }
      const called = this.u16(this.startOf(L.SECTION_HEADERS) + L.HEADERS_BODY + 2 * header);
      if (this.isWordIn(called, L.NEVER_EMITTED)) {
        return this.failAt(name, "header", i, "has no proper name");
      }
      headers |= 1 << header;
    }
    return (kinds & (1 << L.EMIT_CLUSTER)) != 0 || this.fail(name, "has no header for the cluster");
  }

  checkCanonical(): bool {
    const name = L.SECTION_CANONICAL;
    if (!this.checkRoom(name, L.CANONICAL_BODY)) return false;
    const start = this.startOf(name);
    const rules = this.u16(start);
    const exceptions = this.u32(start + L.CANONICAL_EXCEPTIONS);
    if (rules > L.MAX_CANONICAL_RULES) return this.fail(name, "has too many rules");
    const first = L.CANONICAL_BODY + rules * L.CANONICAL_RULE;
    // Each has 8 bytes: so many would overflow the sum.
    if (exceptions > this.lengthOf(name)) return this.fail(name, "is not as long as its entries");
    if (!this.checkLength(name, first + exceptions * L.EXCEPTION_ENTRY)) return false;
    for (let i: u32 = 0; i < rules; i++) {
      const at = start + L.CANONICAL_BODY + i * L.CANONICAL_RULE;
      if (!this.checkString(name, at + L.CANONICAL_TAIL)) return false;
      if (!this.checkString(name, at + L.CANONICAL_SUFFIX)) return false;
      if ((this.u8(at + L.CANONICAL_FLAGS) & ~L.CANONICAL_FLAG_DASHES) != 0) {
        return this.failAt(name, "rule", i, "has an unknown flag");
      }
    }
    for (let i: u32 = 0; i < exceptions; i++) {
      const at = start + first + i * L.EXCEPTION_ENTRY;
      const slot = this.u32(at + L.EXCEPTION_SLOT);
      if (i > 0 && slot <= this.u32(at - L.EXCEPTION_ENTRY + L.EXCEPTION_SLOT)) {
        return this.failAt(name, "exception", i, "is out of order");
      }
      const value = this.u32(at + L.EXCEPTION_VALUE);
      const isThere =
        value == L.NO_CANONICAL_HOST || value < rules || this.isFilled(this.hosts, value - rules);
      if (!isThere || !this.isFilled(this.wikis, slot)) {
        return this.failAt(name, "exception", i, "is out of bounds");
      }
    }
    return true;
  }
}

/** Of a part of the request, a bit for each test that may be put to it; 0: there is no such part. */
export function testsOf(subject: u32): u32 {
  const text: u32 = (1 << L.TEST_EXACT) | (1 << L.TEST_PREFIX);
  switch (subject) {
    case L.SUBJECT_HOST:
      return (1 << L.TEST_EXACT) | (1 << L.TEST_SUFFIX) | (1 << L.TEST_ADDRESS);
    case L.SUBJECT_PATH:
      return text | (1 << L.TEST_UNDER) | (1 << L.TEST_SUFFIX) | (1 << L.TEST_CONTAINS);
    case L.SUBJECT_METHOD:
      return text;
    case L.SUBJECT_COOKIE:
      return text | (1 << L.TEST_PRESENT) | (1 << L.TEST_SHARE);
    case L.SUBJECT_QUERY:
      return text | (1 << L.TEST_PRESENT);
    case L.SUBJECT_HEADER:
      return (
        text | (1 << L.TEST_PRESENT) | (1 << L.TEST_CONTAINS) | (1 << L.TEST_OPTION) | (1 << L.TEST_SHARE)
      );
    case L.SUBJECT_CLIENT:
      return (1 << L.TEST_PREFIX) | (1 << L.TEST_SHARE);
    default:
      return 0;
  }
}
