/**
 * Which address is spoken to, and whether one may speak now. One state for all tabs, kept over page loads.
 *
 * Three failures in a row from main, while online, open it: to the failover, if there is one. `blocked`: all three were refused at once,
 * as by an ad blocker; then the failover is tried once, and without an answer each page tries once only (`mute`).
 */

import { api, failover } from './config.js';
import { PREFIX, read, write } from './store.js';

const STATE = PREFIX + 'breaker';
const FAILURES = 3;
const PROBE_MS = 6e5;
const HOUR = 36e5;
/** With a failover, no Retry-After of main's holds longer than this before the breaker opens. */
const SHORT_PAUSE = 1e4;
const CLOSED = { mode: 'main', fails: 0, instant: 0, probe: 0, pause: 0, mute: 0 };

let probed = false; // by this page

/** @returns {typeof CLOSED} */
const state = () => ({ ...CLOSED, ...read(STATE) });

/** @param {Partial<typeof CLOSED>} change */
const change = (change) => write(STATE, { ...state(), ...change });

export const mode = () => state().mode;

export const address = () => (mode() !== 'main' && failover) || api;

/** Milliseconds until anything may be sent. A pause longer than any comes from a clock that jumped. */
export const rest = () => {
  const { pause, mute } = state();
  const left = pause - Date.now();
  return mute && probed ? Infinity : left > 0 && left < 2 * HOUR ? left : 0;
};

/** Is it time to ask main again? */
export const shouldProbe = () => {
  const { mode, mute, probe } = state();
  const left = probe - Date.now();
  return mode !== 'main' && (mute ? !probed : !document.hidden && (left <= 0 || left > 2 * PROBE_MS));
};

export const probing = () => {
  probed = true;
  change({ probe: Date.now() + PROBE_MS * (0.8 + 0.4 * Math.random()) });
};

/** The network may be another one now: this page may ask once more. */
export const refresh = () => {
  probed = false;
};

/** An answer below 500 ends a row of failures; only a success brings main back. @param {string} url @param {boolean} done */
export const answered = (url, done) => {
  const { mode, fails, mute } = state();
  if (url === api && (mode === 'main' ? fails : done)) write(STATE, CLOSED);
  else if (mute && done) change({ mute: 0 });
};

/** @param {string} url @param {boolean} instant */
export const failed = (url, instant) => {
  const now = state();
  const fails = now.fails + 1;
  const blocked = now.instant + Number(instant);
  if (now.mode !== 'main') return now.mode === 'blocked' && url !== api && change({ mute: 1 });
  change({ fails, instant: blocked });
  if (fails < FAILURES || !(failover || blocked === fails)) return;
  change({ mode: blocked === fails ? 'blocked' : 'failover', pause: 0, mute: failover ? 0 : 1 });
  probing();
};

/** @param {number} ms */
export const pause = (ms) => change({ pause: Date.now() + (failover && mode() === 'main' ? Math.min(ms, SHORT_PAUSE) : ms) * (1 + Math.random() / 4) });
