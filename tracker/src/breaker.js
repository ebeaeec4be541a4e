/**
 * Which address is spoken to, and whether one may speak now. One state for all tabs, kept over page loads.
 *
 * Three failures in a row from main, while online, open it: to the failover, if there is one. Were all three refused at once, as by an ad
 * blocker, it is `blocked`: then the failover is tried, and without an answer there (or without one) each page tries once only (`silent`).
 */

import { now } from './clock.js';
import { api, failover } from './config.js';
import { del, PREFIX, read, write } from './store.js';

const STATE = PREFIX + 'breaker';
const FAILURES = 3;
const PROBE_MS = 6e5;
/** No pause and no probe lies further ahead: a later one comes from a clock that jumped. */
const LONGEST = 72e5;
/** With a failover, no Retry-After of main's holds longer than this before the breaker opens. */
const SHORT_PAUSE = 1e4;

let probed = false; // by this page

/** @returns {{mode: 'main' | 'failover' | 'blocked' | 'silent', fails: number, instant: number, probe: number, pause: number}} */
const state = () => ({ mode: 'main', fails: 0, instant: 0, probe: 0, pause: 0, ...read(STATE) });

/** Milliseconds from now; 0 when it is over. @param {number} time */
const until = (time, left = time - now()) => (left > 0 && left < LONGEST ? left : 0);

const nextProbe = () => now() + PROBE_MS * (0.8 + Math.random() * 0.4);

export const mode = () => state().mode;

export const address = () => (/^[fb]/.test(mode()) && failover) || api;

/** Milliseconds until anything may be sent. */
export const rest = () => (mode() === 'silent' && probed ? Infinity : until(state().pause));

/** Is it time to ask main again? Then the next time is set. */
export const probes = () => {
  const one = state();
  if (one.mode === 'main' || (one.mode === 'silent' ? probed : document.hidden || until(one.probe))) return false;
  write(STATE, { ...one, probe: nextProbe() });
  return (probed = true);
};

/** The network may be another one now: this page may ask once more. */
export const refresh = () => {
  probed = false;
};

/** An answer below 500 ends a row of failures; only a success brings main back. @param {string} url @param {boolean} done */
export const answered = (url, done) => url === api && (done || mode() === 'main') && del(STATE);

/** @param {string} url @param {any} atOnce */
export const failed = (url, atOnce) => {
  const one = state();
  if (one.mode === 'blocked' && url !== api) one.mode = 'silent';
  if (one.mode === 'main') {
    one.fails++;
    if (atOnce) one.instant++;
    const refused = one.instant === one.fails;
    if (one.fails >= FAILURES && (failover || refused)) {
      one.mode = failover ? (refused ? 'blocked' : 'failover') : 'silent';
      one.pause = 0;
      one.probe = nextProbe();
      probed = true;
    }
  }
  write(STATE, one);
};

/** @param {number} ms */
export const pause = (ms) => {
  const one = state();
  one.pause = now() + (failover && one.mode === 'main' ? Math.min(ms, SHORT_PAUSE) : ms) * (1 + Math.random() / 4);
  write(STATE, one);
};
