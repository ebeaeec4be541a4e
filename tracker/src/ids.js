/**
 * Identities. An envelope's id holds its time first, so that rows arrive in the order of the index they land in; a session's is a plain
 * random one (the Box takes no other); what brings none gets one from its content, so that two tabs importing it agree.
 */

const FACTORS = [0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f, 0x165667b1];

/** @param {number} number @param {number} length */
const pad = (number, length) => number.toString(16).padStart(length, '0');

/** Random bytes in hexadecimal. @param {number} bytes */
export const hex = (bytes) => [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => pad(byte, 2)).join('');

/** 32 hexadecimal digits as a UUID of a version. @param {string} digits @param {number} version */
const dress = (digits, version) => digits.replace(/(.{8})(.{4}).(.{3}).(.{3})(.*)/, `$1-$2-${version}$3-a$4-$5`);

/** UUID v4: a session. */
export const randomId = () => dress(hex(16), 4);

/** UUID v7: an envelope. */
export const timedId = () => dress(pad(Date.now(), 12) + hex(10), 7);

/** UUID v8. @param {string} text */
export const contentId = (text) => {
  const lanes = FACTORS.map((factor) => {
    let hash = text.length;
    for (let n = 0; n < text.length; n++) {
      hash = Math.imul(hash ^ text.charCodeAt(n), factor);
      hash ^= hash >>> 15;
    }
    return pad(hash >>> 0, 8);
  });
  return dress(lanes.join(''), 8);
};

/** @param {any} text */
export const isUuid = (text) => /^[\da-f]{8}(-[\da-f]{4}){4}[\da-f]{8}$/i.test(text);
