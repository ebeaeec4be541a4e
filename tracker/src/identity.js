/**
 * Who: a random first-party id, and a session that all tabs share. It ends after 30 minutes of silence or when another click id arrives,
 * and its month is fixed when it starts. The old tracker's running session goes on; its fingerprint (a canvas hash that identical phones
 * share) is told once and never adopted.
 */

import { hex, isUuid, randomId } from './ids.js';
import { del, get, PREFIX, read, write } from './store.js';

const SESSION = PREFIX + 'session';
const FP = PREFIX + 'fp';
const INTERNAL = PREFIX + 'internal';
/** The old tracker's keys begin with this: in the tab's storage, its fingerprint in the browser's. */
const OLD = PREFIX + 'session_';
const SILENCE = 18e5;
const CLICKS = ['gclid', 'wbraid', 'gbraid'];

/** @typedef {{sid: string, sm: string, last: number, click: {[kind: string]: string}}} Session */

/** Click ids of an address that no session has seen yet. @type {{[kind: string]: string}} */
let landed = {};

/** @param {(kind: string) => string | null} find */
const clicksOf = (find) => Object.fromEntries(CLICKS.map((kind) => [kind, (find(kind) || '').slice(0, 512)]).filter(([, id]) => id));

const oldSession = () => {
  try {
    const sid = sessionStorage.getItem(OLD + 'sid');
    return sid && { sid, last: Date.now(), click: clicksOf((kind) => sessionStorage.getItem(OLD + (kind === 'gclid' ? 'context' : kind))) };
  } catch {
    return null;
  }
};

/** @param {any} touch does this break the silence? @returns {Session} */
const session = (touch) => {
  const now = Date.now();
  const kept = read(SESSION) || oldSession();
  const alive = isUuid(kept?.sid) && (!touch || Math.abs(now - kept.last) < SILENCE);
  const other = Object.keys(landed).some((kind) => landed[kind] !== kept?.click?.[kind]);
  const one = { sm: new Date(now).toISOString().slice(0, 8) + '01', ...(alive && !other ? kept : { sid: randomId(), click: landed }) };
  landed = {};
  if (touch || !one.last) write(SESSION, { ...one, last: now });
  return one;
};

/** A page was entered by this address. @param {string} url */
export const land = (url) => {
  const query = new URL(url).searchParams;
  landed = clicksOf((kind) => query.get(kind));
  const mark = query.get('opsmantik');
  if (mark) del(INTERNAL);
  if (mark === 'internal') write(INTERNAL, 1);
};

/** What of a signal says whose it is. @param {any} touch @returns {{sid: string, sm: string, meta: import('./types.js').Meta}} */
export const who = (touch) => {
  const { sid, sm, click } = session(touch);
  const fp = read(FP);
  const fresh = fp || 'fp_' + hex(11);
  if (!fp) write(FP, fresh);
  return { sid, sm, meta: { ...click, fp: fresh, fp_prev: fp ? undefined : get(OLD + 'fp') || undefined, internal: read(INTERNAL) } };
};

/** The session's code for people: stands in a WhatsApp message and on its intents. */
export const code = () => parseInt(session(0).sid, 16).toString(36).toUpperCase();
