/**
 * Who: a random first-party id, and a session that all tabs share. It ends after 30 minutes of silence or when another click id arrives,
 * and its month is fixed when it starts. The old tracker's running session goes on; its fingerprint (a canvas hash that identical phones
 * share) is told once and never adopted.
 */

import { now } from './clock.js';
import { hex, randomId } from './ids.js';
import { get, PREFIX, read, use, write } from './store.js';

const SESSION = PREFIX + 'session';
const FP = PREFIX + 'fp';
const INTERNAL = PREFIX + 'internal';
/** The old tracker's keys begin with this: in the tab's storage, its fingerprint in the browser's. */
const OLD = PREFIX + 'session_';
const SILENCE = 18e5;
/** The last sign of life may be written so late. */
const WRITE_MS = 1e4;
const CLICKS = ['gclid', 'wbraid', 'gbraid'];

/** @typedef {{sid: string, sm: string, last: number, click: {[kind: string]: string}}} Session */

/** What else every signal says while this page lives: included twice (`dup`), the code in a WhatsApp message (`wa_ref`).
 * @type {import('./types.js').Meta} */
export const marks = {};
/** Click ids of an address that no session has seen yet. @type {{[kind: string]: string}} */
let landed = {};

/** The old tracker's session of this tab; nobody but it knows by which click. */
const oldSession = () => {
  const sid = use(() => sessionStorage[OLD + 'sid']);
  return sid && { sid };
};

/** @param {any} touch does this break the silence? @returns {Session} */
const session = (touch) => {
  const at = now();
  const fresh = { sid: randomId(), sm: new Date(at).toISOString().slice(0, 8) + '01', click: landed };
  let one = { ...fresh, ...(read(SESSION) || oldSession()) };
  const silent = touch && Math.abs(at - one.last) > SILENCE;
  if (silent || Object.keys(landed).some((kind) => landed[kind] !== one.click?.[kind])) one = fresh;
  landed = {};
  if (!(Math.abs(at - one.last) < (touch ? WRITE_MS : Infinity))) write(SESSION, { ...one, last: at });
  return one;
};

/** A page was entered by this address. @param {string} url */
export const land = (url) => {
  const query = new URL(url).searchParams;
  landed = {};
  CLICKS.forEach((kind) => {
    const id = query.get(kind);
    if (id) landed[kind] = id.slice(0, 512);
  });
  if (query.get('opsmantik') === 'internal') write(INTERNAL, 1);
};

/** What of a signal says whose it is. @param {any} touch @returns {{sid: string, sm: string, meta: import('./types.js').Meta}} */
export const who = (touch) => {
  const { sid, sm, click } = session(touch);
  const fp = read(FP);
  const fresh = fp || 'fp_' + hex(11);
  if (!fp) write(FP, fresh);
  return { sid, sm, meta: { ...click, ...marks, fp: fresh, fp_prev: fp ? null : get(OLD + 'fp'), internal: read(INTERNAL) } };
};
