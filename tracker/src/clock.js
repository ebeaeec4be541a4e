/** The browser's clock, UTC milliseconds. It may jump: nothing here trusts two readings to be in order. */
export const { now } = Date;

/** Milliseconds from now; 0 when it is over. None lies further ahead than `most`: it was told by a clock that jumped since.
 * @param {any} time @param {number} most */
export const until = (time, most) => {
  const left = time - now();
  return left > 0 && left < most ? left : 0;
};

/** @type {{[what: string]: number}} */
const last = {};

/** True once in so many milliseconds. @param {string} what @param {number} ms */
export const once = (what, ms, at = now()) => !(Math.abs(at - last[what]) < ms) && (last[what] = at);
