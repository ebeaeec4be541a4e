import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actionOf } from '../src/links.js';
import { TEL, WA, world } from './kit.js';

const PLACES = ['antika.example/whatsapp', 'go.antika.example'];
const of = (href) => actionOf(href, 'https://www.antika.example/', PLACES);
const taps = (box) => [...box.stored.values()].filter(({ ec }) => ec === 'conversion');

test('what is a phone number, what is a WhatsApp chat, and what is neither', () => {
  for (const href of ['tel:+902125550142', 'TEL:02125550142', 'callto:+902125550142']) assert.equal(of(href), 'phone_call', href);
  for (const href of [
    'https://wa.me/905325550143', 'http://www.wa.me/905325550143?text=Merhaba', 'https://api.whatsapp.com/send?phone=905325550143&text=x',
    'https://web.whatsapp.com/send/?phone=905325550143', 'whatsapp://send?phone=905325550143', 'whatsapp:send?phone=905325550143', 'https://wa.link/ab12cd',
    'https://wa.me/message/ABCDEF', '/whatsapp', 'https://www.antika.example/whatsapp/tr', 'https://go.antika.example/x', '//wa.me/905325550143',
  ]) assert.equal(of(href), 'whatsapp', href); // prettier-ignore
  for (const href of [
    'https://wa.me.evil.example/905325550143', 'https://example.com/?u=wa.me/9053', 'https://api.whatsapp.com/send?text=share', 'https://wa.me/?text=share',
    'whatsapp://send?text=share', 'https://www.antika.example/whatsapp-rehberi', 'mailto:a@b.c', 'https://notwa.me/1', 'javascript:void(0)', '', 'http://[', '#tel:1',
  ]) assert.equal(of(href), '', href); // prettier-ignore
});

test('an intent tells its link, its place and its words', async () => {
  const { clock, box, open } = world();
  const tab = open();
  tab.tap({ localName: 'a', style: {}, href: TEL, textContent: '  Hemen \n ara  ' }, { localName: 'header', style: {} });
  await clock.pass(1000);
  const [{ ea, el, meta, id }] = taps(box);
  assert.deepEqual([ea, el, meta.position, meta.text, meta.intent_stamp], ['phone_call', TEL, 'header', 'Hemen ara', id]);
});

test('places: header, footer, float, body', async () => {
  for (const [above, place] of [
    [{ localName: 'footer', style: {} }, 'footer'], [{ localName: 'div', style: {}, position: 'fixed' }, 'float'],
    [{ localName: 'div', style: {}, position: 'sticky' }, 'float'], [{ localName: 'main', style: {} }, 'body'],
  ]) {
    const { clock, box, open } = world();
    open().tap(WA, above);
    await clock.pass(1000);
    assert.equal(taps(box)[0].meta.position, place);
  } // prettier-ignore
});

test('a widget that is no link: window.open in a gesture is an intent, with the original called as it was', async () => {
  const { clock, box, open } = world();
  const called = [];
  const tab = open({
    globals: {
      open(...given) {
        called.push([this, given]);
        tab.active = false; // opening a window uses the gesture up
        return 'window';
      },
    },
  });
  tab.tap({ localName: 'div', style: {}, textContent: 'WhatsApp' }, { localName: 'div', style: {}, position: 'fixed' });
  assert.equal(tab.window.open(WA, '_blank', 'noopener'), 'window');
  await clock.pass(1000);
  assert.deepEqual(called[0][1], [WA, '_blank', 'noopener']);
  assert.deepEqual(taps(box).map(({ ea, el, meta }) => [ea, el, meta.position]), [['whatsapp', WA, 'float']]);
});

test('without a gesture, window.open is nobody\'s tap', async () => {
  const { clock, box, open } = world();
  const tab = open();
  tab.active = false;
  tab.window.open(WA);
  await clock.pass(1000);
  assert.deepEqual(taps(box), []);
});

test('a hand-off in the same tab is an intent; a click that leads to it is one with it', async () => {
  const { clock, box, open } = world();
  const listeners = {};
  const tab = open({ globals: { navigation: { addEventListener: (kind, run) => (listeners[kind] = run) } } });
  const navigate = (url) => listeners.navigate({ destination: { url } });
  tab.tap(WA);
  navigate(WA);
  await clock.pass(1000);
  assert.equal(taps(box).length, 1);
  navigate('whatsapp://send?phone=905325550143');
  await clock.pass(1000);
  assert.equal(taps(box).length, 2);
  navigate('https://www.antika.example/iletisim');
  await clock.pass(1000);
  assert.equal(taps(box).length, 2);
});

test('a double tap within 700 ms is one; phone and WhatsApp are two', async () => {
  const { clock, box, open } = world();
  const tab = open();
  tab.tap(TEL);
  await clock.pass(600);
  tab.tap(TEL);
  tab.tap(WA);
  await clock.pass(800);
  tab.tap(TEL);
  await clock.pass(1000);
  assert.deepEqual(taps(box).map(({ ea }) => ea).sort(), ['phone_call', 'phone_call', 'whatsapp']);
});

test('data-ux-intent marks anything', async () => {
  const { clock, box, open } = world();
  const tab = open();
  tab.tap({ localName: 'button', style: {}, dataset: { uxIntent: 'phone' }, textContent: 'Ara' });
  tab.tap({ localName: 'button', style: {}, dataset: { uxIntent: 'whatsapp' }, textContent: 'Yaz' });
  tab.tap({ localName: 'button', style: {}, dataset: { uxIntent: 'other' }, textContent: '?' });
  await clock.pass(1000);
  assert.deepEqual(taps(box).map(({ ea, el }) => [ea, el]), [['phone_call', ''], ['whatsapp', '']]);
});

test('links inside SVG and with the middle button count, with the right one not', async () => {
  const { clock, box, open } = world();
  const tab = open();
  tab.tap({ localName: 'a', style: {}, href: { baseVal: TEL } });
  await clock.pass(1000);
  const path = () => [{ localName: 'a', style: {}, href: WA }];
  tab.fire('auxclick', { button: 1, composedPath: path });
  await clock.pass(1000);
  tab.fire('auxclick', { button: 2, composedPath: path });
  await clock.pass(1000);
  assert.deepEqual(taps(box).map(({ el }) => el), [TEL, WA]);
});

test('the site\'s own WhatsApp addresses', async () => {
  const { clock, box, open } = world();
  const tab = open({ attributes: { waHosts: 'go.antika.example', waPaths: '/whatsapp, /yaz' } });
  tab.tap('https://go.antika.example/');
  await clock.pass(1000);
  tab.tap('https://www.antika.example/yaz');
  await clock.pass(1000);
  tab.tap('https://www.antika.example/yazilar');
  await clock.pass(1000);
  assert.equal(taps(box).length, 2);
});

test('a submit is an attempt, never a conversion, once in two seconds, by the form\'s name only', async () => {
  const { clock, box, open } = world();
  const tab = open();
  const target = { getAttribute: (name) => (name === 'id' ? 'teklif' : null), elements: { email: { value: 'ali@ornek.com' } } };
  tab.fire('submit', { target });
  tab.fire('submit', { target });
  await clock.pass(3000);
  tab.fire('submit', { target });
  await clock.pass(3000);
  const told = [...box.stored.values()].filter(({ ea }) => ea === 'form_attempt');
  assert.deepEqual(told.map(({ ec, el }) => [ec, el]), [['interaction', 'teklif'], ['interaction', 'teklif']]);
  assert.equal(JSON.stringify([...box.stored.values()]).includes('ali@'), false);
});

test('listeners are passive and in the capture phase', () => {
  const { open } = world();
  const told = [];
  open({ globals: { addEventListener: (kind, run, options) => told.push([kind, { ...options }]) } });
  assert.ok(told.length >= 12);
  assert.ok(told.every(([, { capture, passive }]) => capture && passive));
});
