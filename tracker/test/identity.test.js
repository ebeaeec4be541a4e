import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CORE, HOUR, MINUTE, TEL, tabStore, world } from './kit.js';

const V4 = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;
const V7 = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;
const OLD = 'b3b0b1de-96dd-4a4f-8a1c-5d1f0c4f1a11';
const signals = (box) => [...box.stored.values()];

test('ids are what the Box expects: v4 for sessions, v7 for envelopes, fp_ and 22 characters', async () => {
  const { clock, box, open } = world();
  open();
  await clock.pass(1000);
  const [{ id, sid, sm, meta }] = signals(box);
  assert.match(id, V7);
  assert.match(sid, V4);
  assert.equal(sm, '2026-11-01');
  assert.match(meta.fp, /^fp_[\da-f]{22}$/);
  assert.equal(parseInt(id.replaceAll('-', '').slice(0, 12), 16), clock.now() - 1000);
});

test('tabs share a session; 30 minutes of silence end it', async () => {
  const { clock, box, open } = world();
  open().leave();
  await clock.pass(29 * MINUTE);
  open().leave();
  await clock.pass(31 * MINUTE);
  open();
  await clock.pass(10_000);
  const sids = signals(box).filter(({ ea }) => ea === 'view').map(({ sid }) => sid);
  assert.equal(sids[0], sids[1]);
  assert.notEqual(sids[1], sids[2]);
  assert.equal(new Set(signals(box).map(({ meta }) => meta.fp)).size, 1);
});

test('who reads for an hour is not silent, who only leaves the page open is', async () => {
  for (const [reads, sessions] of [[true, 1], [false, 2]]) {
    const { clock, box, open } = world();
    const tab = open();
    for (let n = 0; n < 120; n++) {
      await clock.pass(MINUTE / 2);
      if (reads) tab.fire('scroll');
    }
    tab.tap(TEL);
    await clock.pass(1000);
    const sids = signals(box).filter(({ ea }) => ea === 'view' || ea === 'phone_call').map(({ sid }) => sid);
    assert.equal(new Set(sids).size, sessions);
  }
});

test('the month is fixed when the session starts', async () => {
  const { clock, box, open } = world();
  clock.jump(Date.UTC(2026, 10, 30, 23, 59) - clock.now());
  const tab = open();
  await clock.pass(5 * MINUTE);
  tab.tap(TEL);
  await clock.pass(1000);
  assert.deepEqual([...new Set(signals(box).map(({ sm }) => sm))], ['2026-11-01']);
});

test('another click id begins another session, the same one does not; it stays with what follows', async () => {
  const { clock, box, open } = world();
  const visit = async (query) => {
    open({ url: `https://www.antika.example/${query}` });
    await clock.pass(2000);
    return signals(box).at(-1);
  };
  const first = await visit('?gclid=A');
  const inside = await visit('');
  const again = await visit('?gclid=A');
  const other = await visit('?wbraid=B');
  assert.equal(first.sid, inside.sid);
  assert.equal(inside.meta.gclid, 'A');
  assert.equal(again.sid, first.sid);
  assert.notEqual(other.sid, first.sid);
  assert.deepEqual([other.meta.gclid, other.meta.wbraid], [undefined, 'B']);
});

test('two tabs with two clicks do not tear each other\'s session apart', async () => {
  const { clock, box, open } = world();
  const a = open({ url: 'https://www.antika.example/?gclid=A' });
  const b = open({ url: 'https://www.antika.example/?gclid=B' });
  await clock.pass(1000);
  for (let n = 0; n < 5; n++) for (const tab of [a, b]) tab.tracker.send('interaction', 'gallery');
  await clock.pass(5000);
  assert.equal(new Set(signals(box).map(({ sid }) => sid)).size, 2);
});

test('the old tracker\'s session goes on, its fingerprint is told once and not adopted', async () => {
  const { clock, box, open } = world({ opsmantik_session_fp: 'k3x9q2a' });
  const session = tabStore({ opsmantik_session_sid: OLD, opsmantik_session_context: 'A' });
  open({ session, url: 'https://www.antika.example/?gclid=A' });
  await clock.pass(2000);
  open({ session });
  await clock.pass(2000);
  const [first, second] = signals(box);
  assert.deepEqual([first.sid, second.sid], [OLD, OLD]);
  assert.equal(first.meta.fp_prev, 'k3x9q2a');
  assert.equal(second.meta.fp_prev ?? null, null);
  assert.notEqual(first.meta.fp, 'k3x9q2a');
});

test('the old session is not taken up again once it ended', async () => {
  const { clock, box, open } = world();
  const session = tabStore({ opsmantik_session_sid: OLD });
  open({ session }).leave();
  await clock.pass(HOUR);
  open({ session });
  await clock.pass(10_000);
  assert.deepEqual(signals(box).filter(({ ea }) => ea === 'view').map(({ sid }) => sid === OLD), [true, false]);
});

test('?opsmantik=internal marks this browser', async () => {
  const { clock, box, open } = world();
  open({ url: 'https://www.antika.example/?opsmantik=internal' });
  await clock.pass(2000);
  open();
  await clock.pass(2000);
  assert.deepEqual(signals(box).map(({ meta }) => meta.internal), [1, 1]);
});

test('send and session as old pages use them, under both spellings', async () => {
  const { clock, box, open } = world();
  const tab = open({ url: 'https://www.antika.example/?gclid=A' });
  tab.window.opsmantik.send('interaction', 'gallery', 'oda', '3', { room: 1 });
  await clock.pass(2000);
  const sent = signals(box).find(({ ea }) => ea === 'gallery');
  assert.deepEqual([sent.ec, sent.el, sent.ev, sent.meta.room], ['interaction', 'oda', '3', 1]);
  const { sessionId, fingerprint, context } = tab.tracker.session();
  assert.deepEqual([sessionId, fingerprint, context], [sent.sid, sent.meta.fp, 'A']);
});

const page = (attributes, { named, config, src } = {}) => {
  const { clock, box, origin } = world();
  const script = (dataset, from = src) => ({ dataset, src: from });
  const tab = origin.open('', {});
  tab.window.document.currentScript = attributes ? script(attributes) : null;
  tab.window.document.querySelector = () => (named ? script(named, '') : src ? script({}) : null);
  if (config) tab.window.opmantikConfig = config;
  return { clock, box, origin, tab };
};

test('configuration: the own element, another with a site, the configuration object, and the address it came from', async () => {
  const { runInContext } = await import('node:vm');
  const SITE = '7b0a2f7e-52a4-4b57-9d0e-3d2f8f1c6a11';
  const cases = [
    [{ siteId: SITE, api: 'https://a.example/sync' }, {}, 'https://a.example/sync'],
    [{ opsSiteId: SITE }, { src: 'https://b.example/ux-core.js' }, 'https://b.example/api/sync'],
    [{}, { named: { siteId: SITE, api: 'https://c.example/sync' } }, 'https://c.example/sync'],
    [null, { config: { siteId: SITE, apiUrl: 'https://d.example/sync' } }, 'https://d.example/sync'],
    [null, { config: { siteId: SITE }, src: 'https://e.example/t/ux-core.2.0.0.js' }, 'https://e.example/api/sync'],
  ];
  for (const [attributes, options, address] of cases) {
    const { clock, box, tab } = page(attributes, options);
    runInContext(CORE, tab.window);
    await clock.pass(1000);
    assert.equal(box.requests[0]?.url, address);
    assert.equal(box.requests[0].body.s, SITE);
  }
  const { clock, box, tab } = page({}, {});
  runInContext(CORE, tab.window);
  await clock.pass(1000);
  assert.equal(box.requests.length, 0);
  assert.equal(tab.window.opmantik, undefined);
});
