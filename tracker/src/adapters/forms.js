/**
 * A form is sent when its plug-in says so, never when a button was pressed. Only which form it was is told, never what stands in it.
 *
 * Contact Form 7 tells by a DOM event (contactform7.com/dom-events); the others by jQuery: Elementor `submit_success` and WPForms
 * `wpformsAjaxSubmitSuccess` on the form, Fluent `fluentform_submission_success` with `{form, config}`, Gravity
 * `gform_confirmation_loaded` with the form's number, Forminator `forminator:form:submit:success`.
 */

import { on, page, tank, withJQuery } from './tank.js';

const JQUERY = {
  submit_success: 'elementor',
  wpformsAjaxSubmitSuccess: 'wpforms',
  fluentform_submission_success: 'fluent',
  gform_confirmation_loaded: 'gravity',
  'forminator:form:submit:success': 'forminator',
};

/** @param {string} via @param {any} name */
const sent = (via, name) => tank.form('conversion', 'form_submit', name ? via + ':' + name : via, via);

/** @param {any} target */
const nameOf = (target) => target?.getAttribute?.('name') || target?.getAttribute?.('id');

/** A page one only comes to by sending a form; loaded again in the same visit it is not another. */
const readThanks = () => {
  const thanks = String(tank.setting('thanks') || '').split(/[\s,]+/);
  const visit = page.session()?.sessionId + location.pathname;
  if (!thanks.includes(location.pathname) || !page.session() || localStorage.opsmantik_thanks === visit) return;
  localStorage.opsmantik_thanks = visit;
  sent('thanks', location.pathname);
};

export const watchForms = () => {
  on(document, 'wpcf7mailsent', ({ detail }) => sent('cf7', detail?.contactFormId));
  withJQuery(($) => {
    for (const [event, via] of Object.entries(JQUERY)) {
      $(document).on(event, (/** @type {any} */ { target }, /** @type {any} */ more) => {
        sent(via, via === 'gravity' ? more : more?.config?.id || nameOf(target));
      });
    }
  });
  try {
    readThanks();
  } catch {
    // storage is denied: rather none than one for each reload
  }
};
