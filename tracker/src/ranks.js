/** How precious a signal is: what goes last when there is no room. Pure. */

const RANKS = /** @type {{[action: string]: number}} */ ({ heartbeat: 0, scroll_depth: 1, session_end: 3 });
const INTENT = /^(phone|call|tel|whatsapp|wa)(_|$)/;

/** From here on a signal leaves at once. */
export const URGENT = 4;
export const MOST = 5;

/** 0 heartbeat, 1 scroll, 2 view and the rest, 3 session end, 4 form and other conversions, 5 intent.
 * @param {import('./types.js').Payload} payload */
export const rankOf = ({ ec, ea, meta }) => (INTENT.test(meta?.intent_action || ea) ? MOST : ec === 'conversion' ? URGENT : RANKS[/** @type {any} */ (ea)] ?? 2);
