/** What the tests share: the built file in a simulated origin before a simulated Box. */

import { readFileSync } from 'node:fs';
import { Box, Clock, Origin, Store } from './sim.js';

export const CORE = readFileSync(new URL('../ux-core.js', import.meta.url), 'utf8');
export const TEL = 'tel:+902125550142';
export const WA = 'https://wa.me/905325550143';
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** A Box, an origin before it, and how to open a page there. `entries`: what the browser kept already. */
export const world = (entries) => {
  const clock = new Clock();
  const box = new Box(clock);
  const origin = new Origin(box.net, { clock, entries });
  const open = (options) => origin.open(CORE, options);
  return { clock, box, origin, open };
};

/** A tab's storage with the old tracker's session in it. */
export const tabStore = (entries) => new Store(entries);

export const counted = (...metas) => {
  let sum = 0;
  for (const meta of metas) for (const kind of ['lost', 'parked']) for (const number of Object.values(meta?.[kind] || {})) sum += number;
  return sum;
};

/** Everything told or still to be told. */
export const losses = (box, origin) => {
  const told = [...box.stored.values()].map((signal) => signal.meta);
  const waiting = [...origin.storage.map].filter(([key]) => key.startsWith('opsmantik_lost:')).map(([, value]) => JSON.parse(value));
  const carried = [...origin.storage.map].filter(([key]) => key.startsWith('opsmantik_outbox_v2:')).map(([, value]) => JSON.parse(value));
  return counted(...told, ...waiting, ...carried.filter((one) => !box.stored.has(one.id)).map((one) => one.payload.meta));
};
