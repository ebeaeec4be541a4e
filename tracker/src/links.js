/** What a link is for. Pure: an address in, the action of an intent out. */

export const PHONE = 'phone_call';
export const WHATSAPP = 'whatsapp';
/** So many of the places are WhatsApp's own; the rest are the site's, and mean a chat whatever their path. */
const WHATSAPPS_OWN = 4;
/** @typedef {typeof PHONE | typeof WHATSAPP} Action */

/** '' when it is neither. A WhatsApp address that names nobody is a share button. @param {any} href @param {string} base @param {string[]} places
 * @returns {Action | ''} */
export const actionOf = (href, base, places) => {
  try {
    const { protocol, hostname, pathname, searchParams } = new URL(href, base);
    if (/^(tel|callto):/.test(protocol)) return PHONE;
    const place = hostname.replace('www.', '') + pathname + '/';
    const known = places.findIndex((each) => place.startsWith(each + '/'));
    if (known >= WHATSAPPS_OWN) return WHATSAPP;
    return (known >= 0 || protocol === 'whatsapp:') && (searchParams.get('phone') || !/^\/*(send\/?)?$/.test(pathname)) ? WHATSAPP : '';
  } catch {
    return '';
  }
};
