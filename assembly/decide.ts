// From a request to its deployment, release and cluster: the request path in one screen. A decision is numbers of the
// table; host.ts, wiki.ts and rules.ts say how each is found.

import * as client from "./client";
import * as headers from "./headers";
import * as host from "./host";
import * as L from "./layout";
import { readPath } from "./path";
import { beginRules, firstMatch } from "./rules";
import { isInShareOfReads } from "./share";
import { placementOf, readOnlyOf, Table } from "./table";
import { findWiki, MISSING, TWO_WIKIS, UNKNOWN_HOST } from "./wiki";

/** Our own reply to a path that can be read as that of two wikis: none of the table's has this number. */
export const TWO_WIKIS_REPLY: i32 = <i32>L.MAX_REPLIES;

/** What was found out about a request. */
@unmanaged
export class Decision {
  /** Not ours: our headers go, none comes. */
  pass: bool;
  /** The wiki is there, and not installed. */
  notInstalled: bool;
  /** Number of the reply that the proxy gives itself, -1 where the request goes on. */
  reply: i32;
  /** Number of the rule that chose the deployment, -1 where none matched. */
  rule: i32;
  /** RULE_FLAG_NO_WIKI, RULE_FLAG_BODY, RULE_FLAG_DEBUG of that rule. */
  flags: u32;
  /** Slot in WIKI, UNKNOWN_HOST, MISSING or TWO_WIKIS. Not looked for where the rule says that the host does not decide. */
  wiki: i32;
  /** String of the wiki's group, NONE where it has none. */
  group: u32;
  release: u32;
  deployment: u32;

  /** The request goes on to a cluster. */
  get isRouted(): bool {
    return !this.pass && this.reply < 0;
  }
}

/** Of the request that was decided last. */
export const decision = changetype<Decision>(memory.data(offsetof<Decision>(), 8));

/**
 * Decides the request that `headers` has read. Nothing in it is trusted, neither length nor bytes.
 * @param listener its entry in LSTN
 * @param isSecondary this proxy is in a secondary data centre
 */
export function decide(table: Table, listener: usize, isSecondary: bool): void {
  host.readHost(table, headers.authority, headers.authorityLength, headers.target, headers.targetLength);
  readPath(host.target, host.pathLength);
  client.forget(listener);
  beginRules();
  decision.pass = false;
  decision.reply = -1;
  chooseRoute(table, listener);
  if (!decision.isRouted) return;

  const flags = decision.flags;
  if ((flags & L.RULE_FLAG_NO_WIKI) != 0) forgetWiki(table, decision);
  else if ((flags & L.RULE_FLAG_BODY) != 0) chooseWikiOfJob(table);
  else chooseWiki(table);
  if (decision.reply == TWO_WIKIS_REPLY) return;
  if ((flags & L.RULE_FLAG_BODY) == 0) chooseAsset(table, listener);
  if (isSecondary && decision.reply < 0) chooseReadOnly(table, listener);
}

function chooseRoute(table: Table, listener: usize): void {
  const found = firstMatch(table, listener + L.LISTENER_ROUTES);
  if (found == 0) {
    decision.rule = -1;
    decision.flags = 0;
    decision.deployment = load<u16>(listener + L.LISTENER_DEPLOYMENT);
    return;
  }
  decision.rule = <i32>((found - table.rules) / L.RULE_ENTRY);
  decision.flags = load<u8>(found + L.RULE_FLAGS);
  const outcome: u32 = load<u8>(found + L.RULE_OUTCOME);
  const value: u32 = load<u16>(found + L.RULE_VALUE);
  if (outcome == L.OUTCOME_PASS) decision.pass = true;
  else if (outcome == L.OUTCOME_REPLY) {
    decision.reply = value;
    decision.flags |= L.RULE_FLAG_NO_WIKI; // `wiki` is still that of the request before
  } else decision.deployment = value;
}

/** No wiki decides. */
export function forgetWiki(table: Table, decision: Decision): void {
  decision.wiki = UNKNOWN_HOST;
  decision.notInstalled = false;
  decision.group = L.NONE;
  decision.release = table.defaultRelease;
}

function chooseWiki(table: Table): void {
  const slot = findWiki(table);
  if (slot >= 0) {
    setWiki(table, decision, slot);
    const flags: u32 = load<u8>(placementOf(table, slot) + L.PLACEMENT_FLAGS);
    if ((flags & L.PLACEMENT_FLAG_NOT_INSTALLED) == 0) return;
    forgetWiki(table, decision);
    decision.notInstalled = true;
    takeOutcome(table.releaseSection + L.RELEASES_NOT_INSTALLED);
    return;
  }
  forgetWiki(table, decision);
  decision.wiki = slot;
  if (slot == TWO_WIKIS) decision.reply = TWO_WIKIS_REPLY;
  else takeOutcome(table.releaseSection + (slot == MISSING ? L.RELEASES_MISSING : L.RELEASES_UNKNOWN_HOST));
}

/** The body will say it, and until then no wiki does. ATS routes before it has the body: there, the host decides. */
function chooseWikiOfJob(table: Table): void {
  const slot = headers.hasPseudoHeaders ? UNKNOWN_HOST : findWiki(table);
  if (slot >= 0) setWiki(table, decision, slot);
  else forgetWiki(table, decision);
}

/** The request is that wiki's, whatever its host: for a job, once its body has said so. */
export function setWiki(table: Table, decision: Decision, slot: u32): void {
  const placement = placementOf(table, slot);
  decision.wiki = slot;
  decision.notInstalled = false;
  decision.release = load<u16>(placement + L.PLACEMENT_RELEASE);
  decision.group = load<u16>(placement + L.PLACEMENT_GROUP);
}

function takeOutcome(outcome: usize): void {
  const value: u32 = load<u16>(outcome + L.OUTCOME_VALUE);
  if (load<u8>(outcome) == L.OUTCOME_REPLY) decision.reply = value;
  else decision.release = value;
}

/** A file of another release is there though the wiki is not: no reply stands in its way. */
function chooseAsset(table: Table, listener: usize): void {
  const found = firstMatch(table, listener + L.LISTENER_ASSETS);
  if (found == 0) return;
  decision.release = load<u16>(found + L.RULE_VALUE);
  decision.reply = -1;
}

function chooseReadOnly(table: Table, listener: usize): void {
  const readOnly = readOnlyOf(table, decision.deployment);
  if (readOnly == L.NONE) return;
  const found = firstMatch(table, listener + L.LISTENER_READS);
  if (found == 0) return;
  if (isInShareOfReads(table, load<u16>(found + L.RULE_VALUE))) decision.deployment = readOnly;
}
