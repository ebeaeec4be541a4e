/**
 * What did not arrive, by reason, until a heartbeat tells it. Each tab counts under a key of its own (two tabs rewriting one would lose
 * counts); whoever tells, tells all of them. A heartbeat that is thrown away itself gives back what it was to tell.
 *
 * `lost`: bad, trim, intent, size, old, pending. `parked`: the status, or `item` for one of a batch.
 */

import { hex } from './ids.js';
import { del, keys, PREFIX, read, write } from './store.js';

const LOST = PREFIX + 'lost:';
const MINE = LOST + hex(4);

/** @typedef {{[kind: string]: {[reason: string]: number}}} Counts */

/** @param {Counts} into @param {any} from @param {number} sign */
const add = (into, from, sign) => {
  for (const kind of ['lost', 'parked']) {
    for (const reason in from?.[kind]) {
      const sum = (into[kind] = into[kind] || {});
      sum[reason] = (sum[reason] || 0) + sign * from[kind][reason];
    }
  }
  return into;
};

/** @param {any} counts @param {number} [sign] -1 takes back what was counted */
export const giveBack = (counts, sign = 1) => write(MINE, add(read(MINE) || {}, counts, sign));

/** @param {string | number} reason @param {number} [sign] @param {'lost' | 'parked'} [kind] */
export const count = (reason, sign, kind = 'lost') => giveBack({ [kind]: { [reason]: 1 } }, sign);

/** All counts of all tabs; whoever takes them tells them. @returns {Counts} */
export const take = () => {
  const sum = {};
  keys(LOST).forEach((key) => {
    add(sum, read(key), 1);
    del(key);
  });
  return sum;
};
