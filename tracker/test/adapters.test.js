import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { runInContext } from 'node:vm';
import { CORE, MINUTE, WA, world } from './kit.js';

const ADAPTERS = readFileSync(new URL('../ux-adapters.js', import.meta.url), 'utf8');
const signals = (box, action) => [...box.stored.values()].filter(({ ea }) => ea === action);

/** A page with both files. `before` may put banners and plug-ins onto the window. */
const both = (options = {}, before = () => {}) => {
  const scene = world();
  const tab = scene.open(options);
  const { window } = tab;
  window.document.readyState = 'loading';
  window.document.cookie = '';
  window.document.querySelectorAll = () => [];
  before(window, tab);
  runInContext(ADAPTERS, window);
  return { ...scene, tab, window };
};

/** As much of jQuery as its events need. */
const jQuery = () => {
  const runs = {};
  const $ = () => ({ on: (kind, run) => (runs[kind] = run) });
  return { $, trigger: (kind, target, more) => runs[kind]({ target }, more) };
};

test('the core loads the second file when the page asks for it, from its own address, with its nonce', () => {
  for (const [attributes, wanted] of [[{ cmp: 'auto' }, 1], [{ waRef: '' }, 1], [{ adapters: '' }, 1], [{ denied: 'count' }, 1], [{ thanks: '/tesekkurler' }, 1], [{}, 0]]) {
    const tab = world().origin.open('', { attributes });
    tab.window.document.currentScript.nonce = 'n0nce';
    runInContext(CORE, tab.window);
    assert.equal(tab.loaded.length, wanted, JSON.stringify(attributes));
    if (wanted) assert.deepEqual({ ...tab.loaded[0] }, { src: 'https://box.example/ux-adapters.js', nonce: 'n0nce' });
  }
});

test('a form is sent when its plug-in says so, once in two seconds, by its name', async () => {
  const query = jQuery();
  const { clock, box, tab } = both({}, (window) => (window.jQuery = query.$));
  const form = { getAttribute: (name) => (name === 'name' ? 'Teklif' : null) };
  tab.fire('wpcf7mailsent', { detail: { contactFormId: 123, inputs: [{ value: 'ali@ornek.com' }] } });
  tab.fire('wpcf7mailsent', { detail: { contactFormId: 123 } });
  query.trigger('submit_success', form);
  query.trigger('wpformsAjaxSubmitSuccess', { getAttribute: () => 'wpforms-form-7' });
  query.trigger('fluentform_submission_success', form, { config: { id: 5 } });
  query.trigger('gform_confirmation_loaded', {}, 9);
  query.trigger('forminator:form:submit:success', form);
  await clock.pass(2000);
  const told = signals(box, 'form_submit').map(({ ec, el, meta }) => [ec, el, meta.via]);
  assert.deepEqual(told.sort(), [
    ['conversion', 'cf7:123', 'cf7'], ['conversion', 'elementor:Teklif', 'elementor'], ['conversion', 'fluent:5', 'fluent'],
    ['conversion', 'forminator:Teklif', 'forminator'], ['conversion', 'gravity:9', 'gravity'], ['conversion', 'wpforms:wpforms-form-7', 'wpforms'],
  ]); // prettier-ignore
  assert.equal(JSON.stringify(signals(box, 'form_submit')).includes('ali@'), false);
});

test('jQuery that comes later is found when the page is loaded', async () => {
  const query = jQuery();
  const { clock, box, tab, window } = both();
  window.jQuery = query.$;
  tab.fire('load');
  query.trigger('submit_success', { getAttribute: () => 'Teklif' });
  await clock.pass(1000);
  assert.equal(signals(box, 'form_submit').length, 1);
});

test('a thank-you page is a form, once a visit however often it is loaded', async () => {
  const { clock, box, open } = world();
  for (let n = 0; n < 3; n++) {
    const tab = open({ url: 'https://www.antika.example/tesekkurler', attributes: { thanks: '/tesekkurler /thank-you' } });
    tab.window.document.readyState = 'complete';
    runInContext(ADAPTERS, tab.window);
    await clock.pass(5000);
  }
  assert.equal(signals(box, 'form_submit').length, 1);
});

test('a tap into a known widget\'s frame is widget_open, not an intent', async () => {
  const { clock, box, tab, window } = both();
  window.document.activeElement = { localName: 'iframe', src: 'https://embed.tawk.to/x', id: '', title: '', className: '' };
  tab.fire('blur');
  tab.fire('blur');
  window.document.activeElement = { localName: 'iframe', src: 'https://www.youtube.com/embed/x', id: '', title: '', className: '' };
  tab.fire('blur');
  await clock.pass(1000);
  assert.deepEqual(signals(box, 'widget_open').map(({ ec, meta }) => [ec, meta.widget]), [['interaction', 'tawk']]);
});

const pending = { attributes: { consent: 'pending', cmp: 'auto' } };
const command = (...given) => given;

test('Consent Mode: a denied default waits, an update decides, a later one decides again', async () => {
  const { clock, box, tab, window } = both(pending, (window) => {
    window.dataLayer = [command('consent', 'default', { ad_storage: 'denied', analytics_storage: 'denied', ad_user_data: 'denied', ad_personalization: 'denied' })];
  });
  assert.equal(tab.tank.state(), 'pending');
  tab.tap(WA);
  window.dataLayer.push(command('consent', 'update', { ad_storage: 'granted', analytics_storage: 'granted', ad_user_data: 'granted' }));
  assert.equal(tab.tank.state(), 'granted');
  await clock.pass(1000);
  const [{ meta }] = signals(box, 'whatsapp');
  assert.deepEqual([meta.ad_storage, meta.ad_user_data, meta.ad_personalization], ['granted', 'granted', 'denied']);
  window.dataLayer.push(command('consent', 'update', { ad_storage: 'denied' }));
  assert.equal(tab.tank.state(), 'limit');
  window.dataLayer.push(command('consent', 'update', { analytics_storage: 'denied' }));
  assert.equal(tab.tank.state(), 'denied');
});

test('Consent Mode: a granted default decides, one for some region does not', () => {
  const granted = { ad_storage: 'granted', analytics_storage: 'granted' };
  for (const [states, state] of [[granted, 'granted'], [{ ...granted, region: ['TR'] }, 'pending']]) {
    const { tab } = both(pending, (window) => (window.dataLayer = [command('consent', 'default', states)]));
    assert.equal(tab.tank.state(), state);
  }
});

test('TCF 2.2: nothing until the visitor chose; then by purposes', () => {
  let tell;
  const { tab } = both(pending, (window) => (window.__tcfapi = (what, version, run) => (tell = run)));
  const consents = (...given) => Object.fromEntries(given.map((purpose) => [purpose, true]));
  tell({ eventStatus: 'cmpuishown', gdprApplies: true, purpose: { consents: {} } }, true);
  assert.equal(tab.tank.state(), 'pending');
  tell({ eventStatus: 'useractioncomplete', gdprApplies: true, purpose: { consents: consents(1, 3, 4, 8, 9) } }, true);
  assert.equal(tab.tank.state(), 'granted');
  tell({ eventStatus: 'useractioncomplete', gdprApplies: true, purpose: { consents: consents(1, 8, 9) } }, true);
  assert.equal(tab.tank.state(), 'limit');
  tell({ eventStatus: 'useractioncomplete', gdprApplies: true, purpose: { consents: {} } }, true);
  assert.equal(tab.tank.state(), 'denied');
});

for (const [name, kind, put] of [
  ['Cookiebot', 'CookiebotOnConsentReady', (window, yes) => (window.Cookiebot = { hasResponse: true, consent: { statistics: yes, marketing: yes } })],
  ['CookieYes', 'cookieyes_consent_update', (window, yes) => (window.getCkyConsent = () => ({ isUserActionCompleted: true, categories: { analytics: yes, advertisement: yes } }))],
  ['OneTrust', 'OneTrustGroupsUpdated', (window, yes) => Object.assign(window, { OneTrust: { IsAlertBoxClosed: () => true }, OnetrustActiveGroups: yes ? ',C0001,C0002,C0004,' : ',C0001,' })],
  ['Complianz', 'cmplz_status_change', (window, yes) => ((window.document.cookie = 'cmplz_banner-status=dismissed'), (window.cmplz_has_consent = () => yes))],
  ['WP Consent API', 'wp_listen_for_consent_change', (window, yes) => ((window.document.cookie = 'wp_consent_statistics=allow'), Object.assign(window, { wp_consent_type: 'optin', wp_has_consent: () => yes }))],
]) {
  test(`${name}: a visitor who chose before, and one who chooses now`, async () => {
    for (const yes of [true, false]) {
      const state = yes ? 'granted' : 'denied';
      assert.equal(both(pending, (window) => put(window, yes)).tab.tank.state(), state);
      const { clock, tab, window } = both(pending);
      assert.equal(tab.tank.state(), 'pending');
      put(window, yes);
      tab.fire(kind);
      await clock.pass(100);
      assert.equal(tab.tank.state(), state);
    }
  });
}

test('the code stands in the message and on the intent, once, and is the visit\'s', async () => {
  const { clock, box, tab } = both({ attributes: { waRef: '' } });
  const link = { localName: 'a', style: {}, href: `${WA}?text=Merhaba%20%2B`, dataset: {} };
  tab.tap(link);
  await clock.pass(1000);
  tab.tap(link);
  await clock.pass(1000);
  const [{ meta, sid }] = signals(box, 'whatsapp');
  assert.match(meta.wa_ref, /^[0-9A-Z]{1,7}$/);
  assert.equal(new URL(link.href).searchParams.get('text'), `Merhaba + [Ref: ${meta.wa_ref}]`);
  assert.equal(link.href.includes('+'), false);
  assert.equal(parseInt(meta.wa_ref, 36), parseInt(sid.slice(0, 8), 16));
});

test('a widget\'s window gets the code too; another page\'s window is left alone', async () => {
  const opened = [];
  const { clock, box, window } = both({ attributes: { waRef: ' (No: {ref})' }, globals: { open: (...given) => opened.push(given) } });
  window.open(WA, '_blank');
  window.open('https://www.antika.example/', '_self', 'noopener');
  await clock.pass(1000);
  const [{ meta }] = signals(box, 'whatsapp');
  assert.equal(new URL(opened[0][0]).searchParams.get('text'), ` (No: ${meta.wa_ref})`);
  assert.deepEqual(opened[1], ['https://www.antika.example/', '_self', 'noopener']);
});

test('without consent there is no code', () => {
  const { tab } = both({ attributes: { waRef: '', consent: 'limit' } });
  const link = { localName: 'a', style: {}, href: WA, dataset: {} };
  tab.tap(link);
  assert.equal(link.href, WA);
});

test('who says no is counted once, without any id', async () => {
  const { clock, box, origin, tab } = both({ url: 'https://www.antika.example/tablo?gclid=A', attributes: { consent: 'pending', denied: 'count' } });
  tab.tracker.consent('denied');
  tab.tracker.consent('denied');
  await clock.pass(MINUTE);
  assert.equal(box.requests.length, 1);
  const { body } = box.requests[0];
  assert.deepEqual(Object.keys(body).sort(), ['ea', 'ec', 'meta', 's', 'st', 'ts', 'u']);
  assert.deepEqual([body.u, body.meta], ['https://www.antika.example/tablo', { consent: 'denied', denied: 1 }]);
  assert.equal(origin.storage.map.size, 0);
});

test('neither file writes markup or style sheets, or runs text', () => {
  for (const name of ['ux-core.js', 'ux-adapters.js', 'stub.js']) {
    const text = readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
    assert.doesNotMatch(text, /\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|cssText|setAttribute\("style|preventDefault|document\.write/);
  }
});
