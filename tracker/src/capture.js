/**
 * Taps and forms. One delegated, passive listener in the capture phase for each kind of event; never prevents, delays or reads a value.
 */

import { now, once } from './clock.js';
import { places } from './config.js';
import { actionOf, PHONE, WHATSAPP } from './links.js';
import { record } from './recorder.js';

/** @typedef {import('./links.js').Action} Action */

const DOUBLE_MS = 700;
const FORM_MS = 2e3;

/** @param {string} kind @param {(event: any) => any} run */
export const on = (kind, run) => addEventListener(kind, run, { capture: true, passive: true });

/** Where the last click went. @type {any[]} */
let path = [];

/** @param {any} href */
const read = (href) => actionOf(href, location.href, places);

/** The phone or WhatsApp control of an event's path. @param {any[]} path @returns {[action: Action, href: string, node: any] | undefined} */
export const controlOf = (path) => {
  for (const node of path) {
    const href = node.href?.baseVal ?? node.href;
    const mark = node.dataset?.uxIntent;
    const action = mark === 'phone' ? PHONE : mark === WHATSAPP ? mark : href && read(href);
    if (action) return [action, href || '', node];
  }
};

/** @param {any[]} path */
const positionOf = (path) =>
  path.map((node) => node.localName).find((name) => /^(header|footer)$/.test(name)) ||
  (path.some((node) => node.style && /fixed|sticky/.test(getComputedStyle(node).position)) ? 'float' : 'body');

/** @param {any} node */
const textOf = (node) => (node?.textContent || node?.ariaLabel || '').replace(/\s+/g, ' ').trim().slice(0, 80);

/** The control that was looked at last, and what was seen. @type {any[]} */
let seen = [0];

/** Where a control stands and what it says. @param {any} node @param {any[]} path */
const describe = (node, path) => {
  if (seen[0] !== node) seen = [node, { position: positionOf(path), text: textOf(node) }];
  return seen[1];
};

/** The pointer comes over something: if it is a control, it is looked at now, for its tap will have no time. @param {any[]} path */
export const approach = (path) => {
  const node = controlOf(path)?.[2];
  if (node) describe(node, path);
  return node;
};

/** @param {Action} action @param {any} href @param {any} node @param {number} at */
const tap = (action, href, node, at) => {
  if (once(action, DOUBLE_MS, at)) record('conversion', action, String(href), null, describe(node, path), { ts: at });
};

/** @param {number} at @param {any[]} through */
export const click = (at, through) => {
  path = through;
  const found = controlOf(path);
  if (found) tap(...found, at);
};

/** Did a person just do something? Asked before a window opens: opening uses it up. Where nobody knows, pop-up blockers saw to it. */
const isActive = () => navigator.userActivation?.isActive !== false;

/** A script hands over to this address. @param {any} href @param {boolean} active */
const handOver = (href, active) => {
  const action = active && read(href);
  if (action) tap(action, href, path[0], now());
};

/** A form by its name, never by what stands in it. @param {string} ec @param {string} ea @param {any} name @param {string} [via] */
export const form = (ec, ea, name, via) => once(ea + name, FORM_MS) && record(ec, ea, name, null, { via });

/** @param {any} event */
const onClick = (event) => event.button < 2 && click(now(), event.composedPath());

export const start = () => {
  on('click', onClick);
  on('auxclick', onClick);
  on('submit', ({ target }) => form('interaction', 'form_attempt', target.getAttribute('id')));
  window.navigation?.addEventListener('navigate', (/** @type {any} */ event) => handOver(event.destination.url, isActive()));
  const { open } = window;
  window.open = function (href) {
    const active = isActive();
    const opened = open.apply(this, /** @type {any} */ (arguments));
    try {
      handOver(href, active);
    } catch {
      // the page's window is open: that is all that matters
    }
    return opened;
  };
};
