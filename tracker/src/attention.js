/**
 * How a page view is read: time, depth, hovers over contact controls; told by heartbeats whose numbers are cumulative, so that a lost or
 * repeated one harms nothing. Reads the layout only right after a frame was painted, when it is known.
 */

import * as breaker from './breaker.js';
import { approach, on } from './capture.js';
import { now } from './clock.js';
import { hex } from './ids.js';
import { who } from './identity.js';
import { take } from './losses.js';
import { held, supersede } from './outbox.js';
import { record, state } from './recorder.js';
import { mode } from './store.js';

const STEPS = [6e4, 12e4, 3e5, 6e5];
const DEPTHS = [50, 90];
/** A gap longer than this between two signs of life is not reading. */
const READING_MS = 3e4;
const HOVER_MS = 500;
const MAX_HOVERS = 10;

let view = '';
let url = '';
let active = 0;
let depth = 0;
let hovers = 0;
let seq = 0;
let seenAt = 0;
let idle = 0;
let reading = false;
/** @type {any} */
let timer;
/** @type {any} */
let hoverTimer;
/** @type {any} */
let hovered;
/** @type {import('./types.js').Envelope | undefined} */
let latest;

export const beat = (action = 'heartbeat') => {
  if (!view || state !== 'granted') return;
  if (latest) supersede(latest);
  if (!idle) who(1); // reading is no silence
  latest = record('system', action, '', null, {
    page_view: view, seq: ++seq, active_sec: Math.round(active / 1e3), scroll_pct: depth, cta_hovers: hovers,
    outbox: held().length, storage: mode(), breaker: breaker.mode(), ...take(),
  }, { u: url }); // prettier-ignore
};

const plan = () => {
  clearTimeout(timer);
  timer = setTimeout(() => {
    idle = now() - seenAt < 6e4 ? 0 : Math.min(idle + 1, 3);
    if (!document.hidden) beat();
    plan();
  }, STEPS[idle]);
};

/** A sign of life. */
const live = () => {
  const gap = now() - seenAt;
  if (gap > 0 && gap < READING_MS) active += gap;
  seenAt += gap;
  if (idle) {
    idle = 0;
    plan();
  }
};

const readDepth = () => {
  const reached = Math.min(100, Math.round(((scrollY + innerHeight) / document.documentElement.scrollHeight) * 100));
  reading = false;
  DEPTHS.forEach((mark) => depth < mark && reached >= mark && record('interaction', 'scroll_depth', mark + '%', mark));
  if (reached > depth) depth = reached;
};

const onScroll = () => {
  live();
  if (!reading) requestAnimationFrame(() => setTimeout(readDepth));
  reading = true;
};

/** @param {any} event */
const onHover = (event) => {
  const node = approach(event.composedPath());
  if (node === hovered) return;
  hovered = node;
  clearTimeout(hoverTimer);
  if (node && event.pointerType === 'mouse') hoverTimer = setTimeout(() => hovers < MAX_HOVERS && hovers++, HOVER_MS);
};

/** A page view begins. @param {string} title @param {string} u */
export const begin = (title, u) => {
  view = hex(4);
  url = u;
  active = depth = hovers = seq = idle = 0;
  seenAt = now();
  latest = undefined;
  plan();
  record('interaction', 'view', title, null, { page_view: view }, { u });
};

export const resume = () => {
  seenAt = now();
  beat();
  plan();
};

export const start = () => {
  on('scroll', onScroll);
  on('click', live);
  on('keydown', live);
  on('pointerover', onHover);
};
