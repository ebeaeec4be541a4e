/** What follows from an answer. Pure: a status in, a word (or a pause) out. */

const NEVER = [400, 404, 405, 410, 413, 415, 422];
const HOUR = 36e5;

export const DONE = 'done';
/** The Box will never take it as it is. */
export const PARK = 'park';
export const RETRY = 'retry';

/** A number is a pause in ms: nothing of it is the item's fault. Of 404 and 405 the address is to blame while nothing ever succeeded there.
 * @param {import('./types.js').Outcome} outcome @param {boolean} known did this address ever take anything?
 * @returns {any} 'done', 'park', 'retry' or a number */
export const judge = ([status, wait, told], known) => {
  if (told?.ok) return DONE;
  if (status === 401 || status === 403) return HOUR;
  if (status === 429 || status === 503) return wait ? Math.min(HOUR, Math.max(1e3, wait * 1e3 || 0)) : RETRY;
  return NEVER.includes(status) && (known || (status !== 404 && status !== 405)) ? PARK : RETRY;
};
