import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MINUTE, TEL, WA, world } from './kit.js';

const signals = (box) => [...box.stored.values()];
const modes = { ad_storage: 'granted', analytics_storage: 'granted', ad_user_data: 'denied', ad_personalization: 'denied' };

test('old pages without the attribute behave as before: granted', async () => {
  const { clock, box, open } = world();
  open();
  await clock.pass(1000);
  assert.equal(signals(box)[0].meta.consent, 'granted');
});

test('pending: in memory only; on grant it is sent with its own time and address', async () => {
  const { clock, box, origin, open } = world();
  const tab = open({ url: 'https://www.antika.example/?gclid=A', attributes: { consent: 'pending' } });
  tab.tap(TEL);
  await clock.pass(2 * MINUTE);
  assert.equal(box.requests.length, 0);
  assert.equal(origin.storage.map.size, 0);
  assert.equal(tab.tracker.session(), null);
  const before = clock.now();
  tab.tracker.consent('granted', modes);
  await clock.pass(1000);
  const [tap] = signals(box).filter(({ ea }) => ea === 'phone_call');
  assert.ok(tap.ts < before - MINUTE);
  assert.equal(tap.meta.gclid, 'A');
  for (const mode in modes) assert.equal(tap.meta[mode], modes[mode]);
  assert.equal(signals(box).find(({ ea }) => ea === 'view').meta.ad_user_data, undefined);
});

test('pending holds at most 50, the precious ones, and tells how many it dropped', async () => {
  const { clock, box, open } = world();
  const tab = open({ attributes: { consent: 'pending' } });
  for (let n = 0; n < 60; n++) tab.tracker.send('interaction', 'gallery', String(n));
  tab.tap(TEL);
  tab.tracker.consent('granted');
  await clock.pass(2 * MINUTE);
  const sent = signals(box).filter(({ ea }) => ea !== 'heartbeat');
  assert.equal(sent.length, 50);
  assert.ok(sent.some(({ ea }) => ea === 'phone_call'));
  assert.equal(signals(box).find(({ meta }) => meta.lost).meta.lost.pending, 12);
});

test('pending, then denied: nothing was stored, nothing is sent, what waited is gone', async () => {
  const { clock, box, origin, open } = world();
  const tab = open({ attributes: { consent: 'pending' } });
  tab.tap(TEL);
  tab.tracker.consent('denied');
  tab.tap(WA);
  await clock.pass(MINUTE);
  tab.tracker.consent('granted');
  await clock.pass(MINUTE);
  assert.equal(box.actions().includes('phone_call'), false);
  assert.ok([...origin.storage.map.keys()].every((key) => key.startsWith('opsmantik_')));
});

test('taken back: the outbox and every id are erased, the agency\'s marks stay', async () => {
  const { clock, box, origin, open } = world({ opsmantik_debug: '1', opsmantik_session_fp: 'k3x9q2a', theirs: 'x' });
  box.always = '500';
  const tab = open({ url: 'https://www.antika.example/?opsmantik=internal' });
  tab.tap(TEL);
  await clock.pass(1000);
  tab.tracker.consent('denied');
  tab.leave();
  await clock.pass(MINUTE);
  assert.deepEqual([...origin.storage.map.keys()].sort(), ['opsmantik_debug', 'opsmantik_internal', 'theirs']);
});

for (const [how, options] of [
  ['limit', { attributes: { consent: 'limit' } }],
  ['Global Privacy Control', { attributes: { consent: 'granted' } }],
]) {
  test(`${how}: taps and forms only, without storage, click id, fingerprint or session`, async () => {
    const { clock, box, origin } = world();
    const { CORE } = await import('./kit.js');
    const { runInContext } = await import('node:vm');
    const tab = origin.open('', { url: 'https://www.antika.example/tablo?gclid=A&x=1#y', referrer: 'https://www.google.com/?gclid=A', ...options });
    tab.window.navigator.globalPrivacyControl = how !== 'limit';
    runInContext(CORE, tab.window);
    tab.tap(TEL);
    tab.tracker.send('interaction', 'gallery');
    await clock.pass(5 * MINUTE);
    tab.leave();
    await clock.pass(1000);
    assert.deepEqual(box.actions(), ['phone_call']);
    const [tap] = signals(box);
    assert.deepEqual([tap.u, tap.r, tap.sid, tap.meta.fp, tap.meta.gclid, tap.meta.consent], ['https://www.antika.example/tablo', '', undefined, undefined, undefined, 'limit']);
    assert.equal(JSON.stringify(box.requests).includes('gclid'), false);
    assert.equal(origin.storage.map.size, 0);
  });
}

test('Global Privacy Control can be left to the page', async () => {
  const { clock, box, origin } = world();
  const { CORE } = await import('./kit.js');
  const { runInContext } = await import('node:vm');
  const tab = origin.open('', { attributes: { gpc: 'ignore' } });
  tab.window.navigator.globalPrivacyControl = true;
  runInContext(CORE, tab.window);
  await clock.pass(1000);
  assert.equal(signals(box)[0].meta.consent, 'granted');
});

test('a word nobody knows is not a yes', async () => {
  const { clock, box, origin, open } = world();
  const tab = open({ attributes: { consent: 'yes' } });
  tab.tap(TEL);
  await clock.pass(MINUTE);
  assert.equal(box.requests.length, 0);
  assert.equal(origin.storage.map.size, 0);
});

test('a no in the very task of a tap holds that tap back too', async () => {
  const { clock, box, open } = world();
  const tab = open();
  await clock.pass(1000);
  tab.tap(TEL);
  tab.tracker.consent('denied');
  await clock.pass(10_000);
  assert.deepEqual([box.actions(), tab.outbox()], [['view'], []]);
});
