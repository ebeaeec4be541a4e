import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAY, HOUR, losses, MINUTE, TEL, WA, world } from './kit.js';

test('a view and two taps arrive once and leave nothing behind', async () => {
  const { clock, box, open } = world();
  const tab = open({ url: 'https://www.antika.example/tablo?gclid=abc' });
  tab.tap(TEL);
  tab.tap(WA);
  await clock.pass(5000);
  assert.deepEqual(box.actions().sort(), ['phone_call', 'view', 'whatsapp']);
  assert.deepEqual(tab.outbox(), []);
  assert.equal(box.repeats, 0);
});

test('an intent is kept before the click handler returns, and on the wire in the next task', async () => {
  const { clock, box, open } = world();
  const tab = open();
  tab.tap(TEL);
  assert.deepEqual(tab.outbox().map(({ payload }) => payload.ea), ['view', 'phone_call']);
  await clock.pass(0);
  assert.ok(box.requests.some(({ body }) => body.ea === 'phone_call'));
});

test('an intent whose page ends in the very task of its tap is sent all the same, once', async () => {
  for (const end of ['leave', 'hide']) {
    const { clock, box, open } = world();
    const tab = open();
    await clock.pass(1000);
    tab.tap(TEL);
    tab.fire('beforeunload');
    assert.equal(box.requests.length, 1);
    tab[end]();
    await clock.pass(100);
    assert.deepEqual(box.requests.slice(1).flatMap(({ body }) => body.ea || body.e.map(({ ea }) => ea)).filter((ea) => ea === 'phone_call'), ['phone_call']);
  }
});

test('what came back is on its way no longer: its back-off alone says when it leaves again', async () => {
  const { clock, box, open } = world();
  box.always = '500';
  const tab = open();
  tab.tap(TEL);
  await clock.pass(1000);
  assert.deepEqual(tab.outbox().map(({ away, attempts }) => [away, attempts]), [[undefined, 1], [undefined, 1]]);
});

test('more than three that wait travel as one batch, with the site once and their order of worth', async () => {
  const { clock, box, origin, open } = world();
  origin.online = false;
  const tab = open();
  for (let n = 0; n < 5; n++) tab.tracker.send('interaction', 'gallery', String(n));
  tab.tap(TEL);
  origin.online = true;
  tab.fire('online');
  await clock.pass(4000);
  const [{ body }] = box.requests;
  assert.equal(body.v, 2);
  assert.equal(body.s, tab.window.document.currentScript.dataset.siteId);
  assert.deepEqual(body.e.map(({ ea }) => ea), ['phone_call', 'view', 'gallery', 'gallery', 'gallery', 'gallery', 'gallery']);
  assert.equal(box.stored.size, 7);
});

test('a batch holds at most 20 signals and 48 KB', async () => {
  const { clock, box, origin, open } = world();
  origin.online = false;
  const tab = open();
  for (let n = 0; n < 30; n++) tab.tracker.send('interaction', 'gallery', 'ş'.repeat(1500));
  origin.online = true;
  tab.fire('online');
  await clock.pass(10_000);
  assert.equal(box.stored.size, 31);
  for (const { body } of box.requests) {
    assert.ok((body.e || [1]).length <= 20);
    assert.ok(Buffer.byteLength(JSON.stringify(body)) <= 48_000);
  }
});

test('nothing is sent while offline, and everything soon after', async () => {
  const { clock, box, origin, open } = world();
  origin.online = false;
  const tab = open();
  tab.tap(TEL);
  await clock.pass(HOUR);
  assert.equal(box.requests.length, 0);
  origin.online = true;
  tab.fire('online');
  await clock.pass(4000);
  assert.ok(box.actions().includes('phone_call'));
});

test('an answer that was lost is asked for again and counted once', async () => {
  const { clock, box, open } = world();
  box.faults = ['ok', 'lost answer'];
  const tab = open();
  tab.tap(TEL);
  await clock.pass(MINUTE / 2);
  assert.equal(box.stored.size, 2);
  assert.equal(box.repeats, 1);
  assert.deepEqual(tab.outbox(), []);
});

test('a portal that answers 200 with a page takes nothing away', async () => {
  const { clock, box, open } = world();
  box.faults = ['portal', 'portal'];
  const tab = open();
  tab.tap(TEL);
  await clock.pass(100);
  assert.equal(tab.outbox().length, 2);
  await clock.pass(MINUTE);
  assert.equal(box.stored.size, 2);
});

test('tries again after 5 s, doubling to 5 min, half of it jitter', async () => {
  const { clock, box, open } = world();
  box.always = '500';
  const tab = open();
  await clock.pass(HOUR);
  const times = box.requests.filter(({ body }) => body.ea === 'view' || body.e?.some(({ ea }) => ea === 'view')).map(({ at }) => at);
  const gaps = times.slice(1).map((at, n) => (at - times[n]) / 1000);
  assert.ok(gaps[0] >= 2.5 && gaps[0] <= 6.1, gaps);
  assert.ok(gaps.slice(8).every((gap) => gap >= 150 && gap <= 301), gaps);
  assert.equal(tab.outbox().filter((one) => one.payload.ea === 'view')[0].attempts, times.length);
});

test('Retry-After is obeyed, and costs no attempt', async () => {
  const { clock, box, open } = world();
  box.faults = ['limited'];
  const tab = open();
  await clock.pass(6900);
  assert.equal(box.requests.length, 1);
  assert.equal(tab.outbox()[0].attempts, 0);
  await clock.pass(3000);
  assert.equal(box.stored.size, 1);
});

test('a pause holds for every tab and the next page, but an intent still gets its one attempt', async () => {
  const { clock, box, open } = world();
  box.faults = ['403'];
  const tab = open();
  await clock.pass(100);
  tab.leave();
  const next = open();
  next.tracker.send('interaction', 'gallery');
  await clock.pass(59 * MINUTE);
  assert.deepEqual(box.actions().filter((action) => action === 'gallery'), []);
  next.tap(TEL);
  await clock.pass(100);
  assert.ok(box.actions().includes('phone_call'));
});

test('what the Box will never take is parked, reported, and stops nobody', async () => {
  const { clock, box, open } = world();
  box.refuses = (signal) => signal.ea === 'bad';
  const tab = open();
  await clock.pass(1000);
  tab.tracker.send('interaction', 'bad');
  for (let n = 0; n < 5; n++) tab.tracker.send('interaction', 'good');
  await clock.pass(2 * MINUTE);
  assert.equal(box.actions().filter((action) => action === 'good').length, 5);
  assert.deepEqual(tab.outbox(), []);
  const told = [...box.stored.values()].find(({ meta }) => meta.parked);
  assert.equal(Object.values(told.meta.parked).reduce((a, b) => a + b), 1);
});

test('a 400 for a batch is tried one by one', async () => {
  const { clock, box, origin, open } = world();
  origin.online = false;
  const tab = open();
  for (let n = 0; n < 5; n++) tab.tracker.send('interaction', 'good');
  box.faults = ['400'];
  origin.online = true;
  tab.fire('online');
  await clock.pass(5000);
  assert.equal(box.stored.size, 6);
  assert.deepEqual(tab.outbox(), []);
});

test('404 from an address that never took anything is the address, not the item', async () => {
  const { clock, box, open } = world();
  box.faults = ['404', '404', '405'];
  const tab = open();
  await clock.pass(10);
  assert.equal(tab.outbox().length, 1);
  await clock.pass(2 * MINUTE);
  assert.ok(box.actions().includes('view'));
});

test('404 once anything was taken parks that one item', async () => {
  const { clock, box, open } = world();
  const tab = open();
  await clock.pass(1000);
  box.faults = ['404'];
  tab.tap(TEL);
  await clock.pass(1000);
  assert.deepEqual(tab.outbox(), []);
  assert.equal(JSON.parse(tab.origin.storage.map.get('opsmantik_parked'))[0].reason, 404);
});

test('too long is cut once, then parked', async () => {
  const { clock, box, open } = world();
  const tab = open();
  await clock.pass(1000);
  box.faults = ['413', '413'];
  tab.tracker.send('interaction', 'long', 'x'.repeat(3000));
  await clock.pass(2000);
  assert.equal(box.requests.at(-1).body.el.length, 512);
  assert.deepEqual(tab.outbox(), []);
});

test('over 16 KB is not kept, and told', async () => {
  const { clock, box, origin, open } = world();
  const tab = open();
  tab.tracker.send('interaction', 'huge', 'x'.repeat(20_000));
  await clock.pass(2 * MINUTE);
  assert.deepEqual(box.actions().filter((action) => action === 'huge'), []);
  assert.equal(losses(box, origin), 1);
});

test('dropped only after more than ten attempts and a day, and told', async () => {
  const { clock, box, origin, open } = world();
  box.always = '500';
  const tab = open();
  await clock.pass(23 * HOUR);
  const isFirst = (one) => one.payload.ea === 'view';
  assert.ok(tab.outbox().find(isFirst).attempts > 10);
  await clock.pass(2 * HOUR);
  assert.equal(tab.outbox().find(isFirst), undefined);
  box.always = 'ok';
  await clock.pass(HOUR);
  assert.equal([...box.stored.values()].reduce((sum, { meta }) => sum + (meta.lost?.old || 0), 0) > 0, true);
  assert.ok(losses(box, origin) >= 1);
});

test('at most a hundred wait; the least precious and oldest go first, intents last', async () => {
  const { clock, box, origin, open } = world();
  origin.online = false;
  const tab = open();
  const kinds = [['interaction', 'scroll_depth'], ['interaction', 'view'], ['conversion', 'form_submit'], ['conversion', 'phone_call']];
  for (let n = 0; n < 240; n++) {
    tab.tracker.send(...kinds[n % 4], String(n));
    clock.jump(1);
    assert.ok(tab.outbox().length <= 100);
  }
  const left = tab.outbox();
  const of = (action) => left.filter((one) => one.payload.ea === action).length;
  assert.equal(of('phone_call'), 60);
  assert.ok(of('form_submit') > of('view') && of('scroll_depth') <= 5);
  assert.equal(left.length + losses(box, origin), 241);
  assert.equal(JSON.stringify(left).includes('"intent":'), false);
});

test('an intent goes only when nothing else is left', async () => {
  const { box, origin, open } = world();
  origin.online = false;
  const tab = open();
  for (let n = 0; n < 150; n++) tab.tracker.send('conversion', 'phone_call', String(n));
  const left = tab.outbox();
  assert.ok(left.every((one) => one.payload.ea === 'phone_call'));
  assert.equal(left.length + losses(box, origin), 151);
});

test('the outbox stays within 256 KB', () => {
  const { origin, open } = world();
  origin.online = false;
  const tab = open();
  for (let n = 0; n < 60; n++) tab.tracker.send('interaction', 'gallery', 'x'.repeat(8000));
  const size = [...origin.storage.map].filter(([key]) => key.startsWith('opsmantik_outbox_v2:')).reduce((sum, [, value]) => sum + value.length, 0);
  assert.ok(size <= 256 * 1024);
});

test('one that was trimmed while on its way, and arrived, is not told as lost', async () => {
  const { clock, box, origin, open } = world();
  const tab = open();
  await clock.pass(1000);
  for (let n = 0; n < 130; n++) tab.tracker.send('interaction', 'gallery', String(n));
  await clock.pass(10_000);
  assert.equal(box.stored.size + losses(box, origin), 131);
});

test('stored items are not trusted: what is broken is counted and never stops the rest', async () => {
  const { clock, box, origin, open } = world({
    'opsmantik_outbox_v2:a': '{broken',
    'opsmantik_outbox_v2:b': '{"id":"other","ts":1,"payload":{"s":"x","u":"y"},"attempts":0}',
    'opsmantik_outbox_v2:c': 'null',
    'opsmantik_outbox_v2:d': '{"id":"d","ts":1,"payload":7,"attempts":0}',
    opsmantik_outbox_v2: '{"not":"a list"}',
    opsmantik_breaker: '"text"',
    opsmantik_session: '[]',
    'opsmantik_lost:x': '7',
  });
  const tab = open();
  tab.tap(TEL);
  await clock.pass(2 * MINUTE);
  assert.ok(box.actions().includes('phone_call'));
  assert.equal(losses(box, origin), 5);
});

test('without storage everything still arrives, and heartbeats say so', async () => {
  const { clock, box, origin, open } = world();
  origin.storage.denied = true;
  const tab = open();
  tab.tap(TEL);
  await clock.pass(2 * MINUTE);
  assert.ok(['phone_call', 'view', 'heartbeat'].every((action) => box.actions().includes(action)));
  assert.equal([...box.stored.values()].find(({ ea }) => ea === 'heartbeat').meta.storage, 'memory');
  assert.equal(origin.storage.map.size, 0);
});

test('a full storage costs nothing while the page lives', async () => {
  const { clock, box, origin, open } = world();
  origin.storage.room = 600;
  const tab = open();
  for (let n = 0; n < 10; n++) tab.tracker.send('interaction', 'gallery', String(n));
  tab.tap(TEL);
  await clock.pass(2 * MINUTE);
  assert.equal(box.actions().filter((action) => action === 'gallery').length, 10);
  assert.ok(box.actions().includes('phone_call'));
});

test('the old queue is imported once, and removed', async () => {
  const signal = { s: '7b0a2f7e-52a4-4b57-9d0e-3d2f8f1c6a11', u: 'https://www.antika.example/eski', sid: 'b3b0b1de-96dd-4a4f-8a1c-5d1f0c4f1a11', ec: 'interaction', ea: 'old' };
  const { clock, box, origin, open } = world({ opsmantik_evtq_v1: JSON.stringify([{ payload: signal, ts: 1795500000000 }, { payload: { ...signal, ea: 'older' }, ts: 1795400000000 }]) });
  open();
  open();
  await clock.pass(5000);
  assert.deepEqual(box.actions().sort(), ['old', 'older', 'view', 'view']);
  assert.equal(origin.storage.map.has('opsmantik_evtq_v1'), false);
  assert.ok([...box.stored.values()].every(({ id, ts }) => /^[\da-f]{8}-[\da-f]{4}-[78][\da-f]{3}-a[\da-f]{3}-[\da-f]{12}$/.test(id) && ts > 0));
});

test('two tabs that import at once without locks agree on the ids', async () => {
  const signal = { s: '7b0a2f7e-52a4-4b57-9d0e-3d2f8f1c6a11', u: 'https://www.antika.example/eski', ec: 'interaction', ea: 'old' };
  const ids = [];
  for (let n = 0; n < 2; n++) {
    const { clock, box, open } = world({ opsmantik_evtq_v1: JSON.stringify([{ payload: signal, ts: 1795500000000 }]) });
    open();
    await clock.pass(2000);
    ids.push([...box.stored.values()].find(({ ea }) => ea === 'old').id);
  }
  assert.equal(ids[0], ids[1]);
});

test('what somebody else wrote into the mirror is taken in when its writer had its time, and once', async () => {
  const { clock, box, origin, open } = world();
  const tab = open();
  await clock.pass(1000);
  const payload = { s: '7b0a2f7e-52a4-4b57-9d0e-3d2f8f1c6a11', u: 'https://www.antika.example/eski', ec: 'interaction', ea: 'foreign' };
  origin.storage.map.set('opsmantik_outbox_v2', JSON.stringify([{ id: 'b3b0b1de-96dd-4a4f-8a1c-5d1f0c4f1a11', ts: clock.now(), payload, attempts: 0 }]));
  tab.tracker.send('interaction', 'gallery');
  await clock.pass(2000);
  assert.equal(box.actions().includes('foreign'), false);
  assert.equal(JSON.parse(origin.storage.map.get('opsmantik_outbox_v2')).length, 1);
  await clock.pass(20_000);
  tab.tracker.send('interaction', 'gallery');
  await clock.pass(2000);
  assert.equal(box.actions().filter((action) => action === 'foreign').length, 1);
  assert.equal(origin.storage.map.get('opsmantik_outbox_v2'), '[]');
});

test('the mirror shows what waits, in the old shape', async () => {
  const { clock, origin, open } = world();
  origin.online = false;
  const tab = open();
  tab.tap(TEL);
  await clock.pass(5000);
  const shown = JSON.parse(origin.storage.map.get('opsmantik_outbox_v2'));
  assert.deepEqual(shown.map(({ payload }) => payload.ea).sort(), ['phone_call', 'view']);
  assert.ok(shown.every(({ id, ts, payload, attempts }) => id && ts && payload.s && payload.u && attempts === 0));
  assert.equal(tab.tank.getQueue().length, 2);
});

test('what support staff reach: getQueue, saveQueue, addToOutbox, processOutbox', async () => {
  const { clock, box, origin, open } = world();
  origin.online = false;
  const tab = open();
  const payload = { s: '7b0a2f7e-52a4-4b57-9d0e-3d2f8f1c6a11', u: 'https://www.antika.example/', ec: 'interaction', ea: 'by hand' };
  tab.tank.addToOutbox(payload);
  tab.tank.addToOutbox(payload);
  tab.tank.saveQueue([...tab.tank.getQueue(), { ts: 1795500000000, payload: { ...payload, ea: 'saved' } }]);
  assert.deepEqual([...tab.tank.getQueue()].map((one) => one.payload.ea).sort(), ['by hand', 'by hand', 'saved', 'view']);
  origin.online = true;
  tab.tank.processOutbox();
  await clock.pass(1000);
  assert.deepEqual(box.actions().sort(), ['by hand', 'by hand', 'saved', 'view']);
});

test('a clock that jumps loses nothing and sends nothing for ever', async () => {
  for (const jump of [-400 * DAY, -3 * HOUR, 3 * HOUR, 400 * DAY]) {
    const { clock, box, open } = world();
    box.faults = ['busy', '500', '500'];
    const tab = open();
    await clock.pass(100);
    clock.jump(jump);
    tab.tap(TEL);
    await clock.pass(10 * MINUTE);
    assert.ok(['view', 'phone_call'].every((action) => box.actions().includes(action)), String(jump));
    assert.deepEqual(tab.outbox(), []);
  }
});

test('one tab drains for all; four tabs send nothing twice', async () => {
  const { clock, box, origin, open } = world();
  origin.online = false;
  const tabs = [open(), open(), open(), open()];
  for (const tab of tabs) for (let n = 0; n < 5; n++) tab.tracker.send('interaction', 'gallery');
  origin.online = true;
  tabs.forEach((tab) => tab.fire('online'));
  await clock.pass(10_000);
  assert.equal(box.stored.size, 24);
  assert.equal(box.repeats, 0);
});

test('without locks every signal still arrives once', async () => {
  const { clock, box, origin, open } = world();
  origin.noLocks = true;
  const tabs = [open(), open()];
  for (const tab of tabs) for (let n = 0; n < 10; n++) tab.tracker.send('interaction', 'gallery');
  await clock.pass(10_000);
  assert.equal(box.stored.size, 22);
});

test('a batch a server does not understand is sent one by one', async () => {
  const { clock, box, origin, open } = world();
  const understand = box.commit.bind(box);
  box.commit = (body) => (body.e ? [200, { ok: true, score: 0, status: 'synced_skipped_missing_id' }] : understand(body));
  origin.online = false;
  const tab = open();
  for (let n = 0; n < 5; n++) tab.tracker.send('interaction', 'gallery');
  origin.online = true;
  tab.fire('online');
  await clock.pass(10_000);
  assert.equal(box.stored.size, 6);
});

test('of another site nothing travels in our batches', async () => {
  const other = { s: '00000000-0000-4000-8000-000000000001', u: 'https://www.antika.example/', ec: 'interaction', ea: 'other' };
  const { clock, box, origin, open } = world({ opsmantik_evtq_v1: JSON.stringify(Array.from({ length: 6 }, (_, n) => ({ payload: other, ts: 1795500000000 + n }))) });
  open();
  await clock.pass(10_000);
  assert.equal(box.actions().filter((action) => action === 'other').length, 6);
  assert.ok(box.requests.every(({ body }) => !body.e?.some(({ ea }) => ea === 'other')));
  assert.equal(origin.storage.map.get('opsmantik_outbox_v2'), '[]');
});
