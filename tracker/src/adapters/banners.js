/**
 * What the page's consent banner says (`data-cmp="auto"`). Both analytics and ads allowed is `granted`, one of them is `limit`, none is
 * `denied`; no answer yet is no answer. Several banners may speak: the first that knows anything is heard.
 *
 * Consent Mode v2: `consent` commands in dataLayer; a denied default is a banner that was not answered yet. TCF 2.2: purposes 1 (storage),
 * 3 and 4 (ads), 8 and 9 (measuring). WP Consent API, Complianz, Cookiebot, CookieYes and OneTrust by their own functions and events.
 */

import { on, page } from './tank.js';

/** @param {any} statistics @param {any} ads @param {any} [modes] @returns {[string, any?]} */
const choice = (statistics, ads, modes) => [statistics && ads ? 'granted' : statistics || ads ? 'limit' : 'denied', modes];

/** @type {any} */
const modes = {};
let updated = false;

/** @param {any} entry an `arguments` object: consent, default or update, the states */
const readCommand = (entry) => {
  if (entry?.[0] !== 'consent' || !entry[2]) return;
  const { region, ...told } = entry[2];
  if (entry[1] === 'update') updated = true;
  else if (region) return; // for somewhere else, perhaps
  Object.assign(modes, told);
  decide();
};

/** @type {any} */
let tcf;

const ASK = [
  () => {
    const { ad_storage, analytics_storage } = modes;
    const denied = ad_storage === 'denied' || analytics_storage === 'denied';
    if ((ad_storage || analytics_storage) && (updated || !denied)) return choice(analytics_storage !== 'denied', ad_storage !== 'denied', modes);
  },
  () => {
    if (!tcf) return;
    const may = (/** @type {number[]} */ ...purposes) => purposes.every((purpose) => tcf.purpose.consents[purpose]);
    return tcf.gdprApplies === false ? choice(1, 1) : choice(may(1, 8, 9), may(1, 3, 4));
  },
  () => {
    const { Cookiebot: bot } = window;
    if (bot?.hasResponse) return choice(bot.consent.statistics, bot.consent.marketing);
  },
  () => {
    const told = window.getCkyConsent?.();
    if (told?.isUserActionCompleted) return choice(told.categories.analytics, told.categories.advertisement);
  },
  () => {
    const groups = window.OnetrustActiveGroups;
    if (groups && window.OneTrust?.IsAlertBoxClosed?.()) return choice(groups.includes('C0002'), groups.includes('C0004'));
  },
  () => {
    const has = window.cmplz_has_consent;
    if (has && /cmplz_banner-status=dismissed/.test(document.cookie)) return choice(has('statistics'), has('marketing'));
  },
  () => {
    const has = window.wp_has_consent;
    if (has && window.wp_consent_type && /wp_consent_/.test(document.cookie)) return choice(has('statistics'), has('marketing'));
  },
];

/** Who said what last, for the check panel. */
export let decided = '';

const decide = () => {
  for (const [n, ask] of ASK.entries()) {
    const told = ask();
    if (told) {
      decided = ['consent mode', 'TCF', 'Cookiebot', 'CookieYes', 'OneTrust', 'Complianz', 'WP Consent API'][n];
      return page.consent(...told);
    }
  }
};

const watchDataLayer = () => {
  const layer = (window.dataLayer = window.dataLayer || []);
  const { push } = layer;
  layer.push = function () {
    const result = push.apply(this, arguments);
    [...arguments].forEach(readCommand);
    return result;
  };
  [...layer].forEach(readCommand);
};

export const watchBanners = () => {
  watchDataLayer();
  window.__tcfapi?.('addEventListener', 2, (/** @type {any} */ data, /** @type {boolean} */ ok) => {
    if (!ok || !/^(tcloaded|useractioncomplete)$/.test(data.eventStatus)) return;
    tcf = data;
    decide();
  });
  on(window, 'load CookiebotOnAccept CookiebotOnDecline CookiebotOnConsentReady OneTrustGroupsUpdated', decide);
  on(document, 'cookieyes_consent_update cookieyes_banner_load cmplz_status_change cmplz_fire_categories wp_listen_for_consent_change', () => setTimeout(decide));
  decide();
};
