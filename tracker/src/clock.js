/** The browser's clock, UTC milliseconds. It may jump: nothing here trusts two readings to be in order. */
export const { now } = Date;

/** @type {{[what: string]: number}} */
const last = {};

/** True once in so many milliseconds. @param {string} what @param {number} ms */
export const once = (what, ms, at = now()) => !(Math.abs(at - last[what]) < ms) && (last[what] = at);
