/**
 * The outbox over random interleavings of tabs, crashes, answers, quotas and clock jumps: the built file in a simulated browser.
 *
 * Told are: ids never repeat; nothing is lost that is not counted; what is counted is gone (where the network leaves no doubt); an
 * intent is never trimmed while anything else is left. FAST_CHECK_RUNS= for more runs.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { counted, losses, MINUTE, world } from './kit.js';

const RUNS = Number(process.env.FAST_CHECK_RUNS || 60);
const KINDS = [['conversion', 'phone_call'], ['conversion', 'form_submit'], ['interaction', 'view'], ['interaction', 'scroll_depth'], ['interaction', 'gallery']];
const INTENT = /^(phone|whatsapp)/;

const burst = fc.record({ op: fc.constant('send'), tab: fc.nat(3), kind: fc.nat(KINDS.length - 1), times: fc.oneof(fc.nat(4), fc.constant(60)) });
const pass = fc.record({ op: fc.constant('pass'), ms: fc.oneof(fc.nat(3000), fc.nat(20 * MINUTE)) });
const open = fc.constant({ op: 'open' });
const online = fc.record({ op: fc.constant('online'), yes: fc.boolean() });
const answers = (...known) => fc.record({ op: fc.constant('faults'), list: fc.array(fc.constantFrom(...known), { maxLength: 8 }) });
const sure = answers('ok', '500', '503', 'busy', 'limited', '403', '404', '400', '413', '429', 'refused', 'portal');
const unsure = answers('ok', 'lost answer', 'silence', 'reset', '500', 'busy', '400');
const tabOp = (op) => fc.record({ op: fc.constant(op), tab: fc.nat(3) });
const quota = fc.record({ op: fc.constant('room'), room: fc.constantFrom(400, 3000, 40_000, 5_000_000) });
const jump = fc.record({ op: fc.constant('jump'), ms: fc.integer({ min: -30 * 1440 * MINUTE, max: 30 * 1440 * MINUTE }) });
const foreign = fc.record({ op: fc.constant('foreign'), n: fc.nat(3) });

/** Plays the steps, then lets everything heal, and tells what became of every signal. */
const play = async (steps) => {
  const { clock, box, origin, open } = world({ opsmantik_debug: '1' });
  const alive = () => origin.tabs.filter((tab) => !tab.dead);
  const pick = (n) => alive()[n % Math.max(1, alive().length)];
  const removed = []; // intents that made room while something else kept its place
  const send = (tab, step, n) => {
    let intents = 0;
    origin.storage.onRemove = (key, value) => (intents += key.startsWith('opsmantik_outbox_v2:') && INTENT.test(JSON.parse(value).payload.ea));
    tab.tracker.send(...KINDS[step.kind], String(n));
    origin.storage.onRemove = () => {};
    const others = intents ? tab.outbox().filter((one) => !INTENT.test(one.payload.ea)) : [];
    if (others.length) removed.push([intents, others.length]);
  };
  for (const step of steps) {
    const tab = pick(step.tab ?? 0);
    if (step.op === 'open') alive().length < 4 && open();
    else if (step.op === 'pass') await clock.pass(step.ms);
    else if (step.op === 'jump') {
      await clock.pass(10_000); // nothing is on its way
      clock.jump(step.ms);
    }
    else if (step.op === 'faults') box.faults = [...step.list];
    else if (step.op === 'room') origin.storage.room = step.room;
    else if (step.op === 'online') {
      origin.online = step.yes;
      if (step.yes) alive().forEach((each) => each.fire('online'));
    } else if (step.op === 'foreign') {
      const payload = { s: '7b0a2f7e-52a4-4b57-9d0e-3d2f8f1c6a11', u: 'https://www.antika.example/', ec: 'interaction', ea: `foreign${step.n}` };
      origin.storage.map.set('opsmantik_outbox_v2', JSON.stringify([{ payload, ts: 1795400000000 + step.n }]));
    } else if (!tab) continue;
    else if (step.op === 'send') for (let n = 0; n < step.times; n++) send(tab, step, n);
    else if (step.op === 'hide') tab.hide();
    else if (step.op === 'show') tab.show();
    else tab[step.op === 'crash' ? 'die' : 'leave']();
  }
  box.faults = [];
  origin.online = true;
  origin.storage.room = 5_000_000;
  alive().forEach((tab) => (tab.hidden ? tab.show() : tab.fire('online')));
  open();
  await clock.pass(100 * MINUTE);
  // a tab whose storage was refused says so (meta.storage); what only its memory held, counts too, ends with it
  const fleeting = (tab) => tab.dead && tab.refused;
  const queued = origin.tabs.flatMap((tab) =>
    tab.printed.filter(([, word]) => word === 'queued').map(([, , action, id]) => ({ action, id, fleeting: fleeting(tab) })),
  );
  const held = new Set(origin.storage.map.keys());
  const missing = queued.filter(({ id }) => !box.stored.has(id) && !held.has(`opsmantik_outbox_v2:${id}`));
  return { clock, box, origin, queued, missing, removed, hidden: origin.tabs.some(fleeting) ? Infinity : 0, told: losses(box, origin) };
};

fc.configureGlobal({ includeErrorInReport: true });
const isBeat = ({ action }) => action === 'heartbeat' || action === 'session_end';

test('nothing is lost that is not counted, whatever happens; ids are unique', async () => {
  const steps = fc.array(
    fc.oneof(
      { weight: 4, arbitrary: burst }, { weight: 3, arbitrary: pass }, { weight: 2, arbitrary: open }, { weight: 2, arbitrary: unsure },
      sure, online, quota, jump, foreign, tabOp('hide'), tabOp('show'), tabOp('leave'), tabOp('crash'),
    ),
    { minLength: 4, maxLength: 25 },
  ); // prettier-ignore
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      const { queued, missing, told, hidden, box } = await play([{ op: 'open' }, ...list]);
      const own = queued.filter(({ action }) => !/^foreign/.test(action)).map(({ id }) => id);
      assert.equal(new Set(own).size, own.length);
      const lost = missing.filter((one) => !isBeat(one) && !one.fleeting);
      assert.ok(lost.length <= told + hidden, `${lost.length} gone, ${told} told`);
      assert.ok(box.stored.size > 0);
    }),
    { numRuns: RUNS },
  );
});

test('where no answer is lost, stored and counted is what was sent, exactly', async () => {
  const steps = fc.array(
    fc.oneof(
      { weight: 4, arbitrary: burst }, { weight: 3, arbitrary: pass }, { weight: 2, arbitrary: open }, { weight: 2, arbitrary: sure }, online,
    ),
    { minLength: 4, maxLength: 25 },
  ); // prettier-ignore
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      const { missing, told, removed } = await play([{ op: 'open' }, ...list]);
      const sure = missing.filter((one) => !isBeat(one)).length;
      assert.ok(sure <= told && told <= missing.length, `${sure} to ${missing.length} gone, ${told} told`);
      assert.deepEqual(removed, []);
    }),
    { numRuns: RUNS },
  );
});

test('the counts of a tab that crashed are told by the next', async () => {
  const { clock, box, origin, open } = world();
  origin.online = false;
  const tab = open();
  for (let n = 0; n < 130; n++) tab.tracker.send('interaction', 'gallery', String(n));
  tab.die();
  origin.online = true;
  open();
  await clock.pass(10 * MINUTE);
  const stored = [...box.stored.values()];
  const arrived = stored.filter(({ ea }) => ea === 'gallery' || ea === 'view').length;
  assert.equal(arrived + counted(...stored.map(({ meta }) => meta)), 130 + 2);
});
