/** What a link is for. Pure: an address in, the action of an intent out. */

export const PHONE = 'phone_call';
export const WHATSAPP = 'whatsapp';
/** @typedef {typeof PHONE | typeof WHATSAPP} Action */

/** '' when it is neither. A WhatsApp address that names nobody is a share button. @param {any} href @param {string} base @param {string[]} places
 * @returns {Action | ''} */
export const actionOf = (href, base, places) => {
  try {
    const { protocol, hostname, pathname, searchParams } = new URL(href, base);
    if (/^(tel|callto):/.test(protocol)) return PHONE;
    const place = hostname.replace('www.', '') + pathname + '/';
    const known = protocol === 'whatsapp:' || places.some((each) => place.startsWith(each + '/'));
    return known && (searchParams.get('phone') || !/^\/*(send\/?)?$/.test(pathname)) ? WHATSAPP : '';
  } catch {
    return '';
  }
};
