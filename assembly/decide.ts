// From a request to its deployment, release and cluster: the request path in one screen. What it answers are numbers
// in the table; host.ts, wiki.ts and rules.ts say how each is found.

import * as headers from "./headers";
import { pathLength, readHost, target } from "./host";
import * as L from "./layout";
import { readPath } from "./path";
import { beginRules, firstMatch } from "./rules";
import { isInShare } from "./share";
import { nearTwin, placementOf, Table } from "./table";
import { findWiki, MISSING, NO_HOST } from "./wiki";

/** Not ours: our headers go, none comes. */
export let pass: bool = false;
/** Number of the reply that the proxy gives itself, -1 where the request goes on. */
export let reply: i32 = -1;
/** Number of the rule that chose the deployment, -1 where none matched. */
export let rule: i32 = -1;
/** FLAG_NO_WIKI, FLAG_BODY, FLAG_DEBUG of that rule. */
export let flags: u32 = 0;
/** Slot in WIKI, NO_HOST or MISSING. Not looked for where the rule says that the host does not decide. */
export let wiki: i32 = NO_HOST;
/** The wiki is there, and not installed. */
export let notInstalled: bool = false;
/** String of the wiki's group, NONE where it has none. */
export let group: u32 = L.NONE;
export let release: u32 = 0;
export let deployment: u32 = 0;

/**
 * Decides the request that `headers` has read. Nothing in it is trusted, neither length nor bytes.
 * @param listener its entry in LSTN
 * @param near this proxy is not in the primary data centre
 */
export function decide(table: Table, listener: usize, near: bool): void {
  readHost(table, headers.authority, headers.authorityLength, headers.target, headers.targetLength);
  readPath(target, pathLength);
  beginRules();
  pass = false;
  reply = -1;
  chooseRoute(table, listener);
  if (pass || reply >= 0) return;

  if ((flags & L.FLAG_NO_WIKI) != 0) forget(table);
  else if ((flags & L.FLAG_BODY) != 0) chooseWikiOfJob(table);
  else chooseWiki(table);
  if ((flags & L.FLAG_BODY) == 0) chooseAsset(table, listener);
  if (near && reply < 0) chooseNear(table, listener);
}

function chooseRoute(table: Table, listener: usize): void {
  const found = firstMatch(table, listener + L.LISTENER_ROUTES);
  if (found == 0) {
    rule = -1;
    flags = 0;
    deployment = load<u16>(listener + L.LISTENER_DEPLOYMENT);
    return;
  }
  rule = <i32>((found - table.rules) / L.RULE_ENTRY);
  flags = load<u8>(found + L.RULE_FLAGS);
  const outcome: u32 = load<u8>(found + L.RULE_OUTCOME);
  const value: u32 = load<u16>(found + L.RULE_VALUE);
  if (outcome == L.OUTCOME_PASS) pass = true;
  else if (outcome == L.OUTCOME_REPLY) {
    reply = value;
    flags |= L.FLAG_NO_WIKI; // `wiki` is still that of the request before
  } else deployment = value;
}

/** No wiki decides. */
function forget(table: Table): void {
  wiki = NO_HOST;
  notInstalled = false;
  group = L.NONE;
  release = table.defaultRelease;
}

function chooseWiki(table: Table): void {
  const slot = findWiki(table);
  if (slot >= 0) {
    setWiki(table, slot);
    notInstalled = (load<u8>(placementOf(table, slot) + L.PLACEMENT_FLAGS) & L.FLAG_NOT_INSTALLED) != 0;
    if (!notInstalled) return;
    forget(table);
    notInstalled = true;
    takeOutcome(table.releaseSection + L.RELEASES_NOT_INSTALLED);
    return;
  }
  forget(table);
  wiki = slot;
  takeOutcome(table.releaseSection + (slot == MISSING ? L.RELEASES_MISSING : L.RELEASES_NO_HOST));
}

/** The body will say it, and until then no wiki does. ATS routes before it has the body: there, the host decides. */
function chooseWikiOfJob(table: Table): void {
  const slot = headers.hasPseudoHeaders ? NO_HOST : findWiki(table);
  if (slot >= 0) setWiki(table, slot);
  else forget(table);
}

/** The request is that wiki's, whatever its host: for a job, once its body has said so. */
export function setWiki(table: Table, slot: u32): void {
  const placement = placementOf(table, slot);
  wiki = slot;
  notInstalled = false;
  release = load<u16>(placement + L.PLACEMENT_RELEASE);
  group = load<u16>(placement + L.PLACEMENT_GROUP);
}

function takeOutcome(outcome: usize): void {
  const value: u32 = load<u16>(outcome + L.OUTCOME_VALUE);
  if (load<u8>(outcome) == L.OUTCOME_REPLY) reply = value;
  else release = value;
}

/** A file of another release is there though the wiki is not: no reply stands in its way. */
function chooseAsset(table: Table, listener: usize): void {
  const found = firstMatch(table, listener + L.LISTENER_ASSETS);
  if (found == 0) return;
  release = load<u16>(found + L.RULE_VALUE);
  reply = -1;
}

function chooseNear(table: Table, listener: usize): void {
  const twin = nearTwin(table, deployment);
  if (twin == L.NONE) return;
  const found = firstMatch(table, listener + L.LISTENER_READS);
  if (found == 0) return;
  const isInternal = (load<u8>(listener + L.LISTENER_FLAGS) & L.FLAG_INTERNAL) != 0;
  if (isInShare(table, load<u16>(found + L.RULE_VALUE), isInternal)) deployment = twin;
}

/** For a job, which was decided when its headers came: what was known of it then. */
export function recall(jobDeployment: u32, jobRule: i32, jobFlags: u32, table: Table): void {
  pass = false;
  reply = -1;
  deployment = jobDeployment;
  rule = jobRule;
  flags = jobFlags;
  forget(table);
}
