/**
 * Identities. An envelope's id holds its time first, so that rows arrive in the order of the index they land in; a session's is a plain
 * random one (the Box takes no other); what brings none gets one from its content, so that two tabs importing it agree.
 */

import { now } from './clock.js';

/** @param {number | bigint} number @param {number} length */
const pad = (number, length) => number.toString(16).padStart(length, '0');

/** Random bytes in hexadecimal. @param {number} bytes */
export const hex = (bytes) => [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => pad(byte, 2)).join('');

/** 32 hexadecimal digits as a UUID (RFC 9562) of a version. @param {string} digits @param {number} version */
const dress = (digits, version) =>
  digits.slice(0, 8) + '-' + digits.slice(8, 12) + '-' + version + digits.slice(13, 16) + '-a' + digits.slice(17, 20) + '-' + digits.slice(20);

/** UUID v4: a session. */
export const randomId = () => dress(hex(16), 4);

/** UUID v7: an envelope. */
export const timedId = () => dress(pad(now(), 12) + hex(10), 7);

/** UUID v8. @param {string} text */
export const contentId = (text) => {
  let hash = 1n;
  for (const letter of text) hash = (hash * 1000003n + BigInt(letter.charCodeAt(0))) % 2n ** 128n;
  return dress(pad(hash, 32), 8);
};
