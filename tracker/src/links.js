/** What a link is for. Pure: an address in, the action of an intent out. */

export const PHONE = 'phone_call';
export const WHATSAPP = 'whatsapp';
/** WhatsApp's own addresses, without the slashes before the host. */
const WHATSAPPS = /^whatsapp:|:(wa\.(me|link)|(api|web)\.whatsapp\.com)\//;
/** @typedef {typeof PHONE | typeof WHATSAPP} Action */

/** '' when it is neither. A WhatsApp address that names nobody is a share button. @param {any} href @param {string} base @param {string[]} places
 * @returns {Action | ''} */
export const actionOf = (href, base, places) => {
  try {
    const { protocol, hostname, pathname, searchParams } = new URL(href, base);
    if (/^(tel|callto):/.test(protocol)) return PHONE;
    const place = hostname.replace('www.', '') + pathname + '/';
    if (places.some((each) => place.startsWith(each + '/'))) return WHATSAPP;
    return WHATSAPPS.test(protocol + place) && (searchParams.get('phone') || !/^\/*(send\/?)?$/.test(pathname)) ? WHATSAPP : '';
  } catch {
    return '';
  }
};
