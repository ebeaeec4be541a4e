// A tracker as it is in the field: one signal a request, JSON, no ids, a session for each tab, a queue in localStorage, everything sent again
// from beforeunload while it is in flight. Shaped after what those trackers send (docs/wire.md), not copied from any.
(() => {
  const script = document.currentScript, api = script.dataset.api, queueKey = 'opsmantik_evtq_v1';
  let sid = sessionStorage.getItem('opsmantik_session_sid');
  if (!sid) sessionStorage.setItem('opsmantik_session_sid', (sid = crypto.randomUUID()));
  const click = new URLSearchParams(location.search).get('gclid') || sessionStorage.getItem('opsmantik_session_context');
  if (click) sessionStorage.setItem('opsmantik_session_context', click);
  localStorage.setItem('opsmantik_session_fp', 'k3x9q2a');
  const queue = () => JSON.parse(localStorage.getItem(queueKey) || '[]');
  const flying = new Set();
  const send = async (ec, ea, el, ev, meta) => {
    const body = { s: script.dataset.siteId, u: location.href, sid, sm: new Date().toISOString().slice(0, 8) + '01', ec, ea, el, ev,
      r: document.referrer, meta: { fp: 'k3x9q2a', gclid: click || undefined, ...meta } };
    flying.add(body);
    try {
      const answer = await fetch(api, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(String(answer.status));
    } catch {
      localStorage.setItem(queueKey, JSON.stringify([...queue(), body]));
    } finally { flying.delete(body); }
  };
  addEventListener('beforeunload', () => flying.forEach((body) => navigator.sendBeacon(api, JSON.stringify(body))));
  document.addEventListener('click', (event) => {
    const link = event.target.closest && event.target.closest('a[href^="tel:"], a[href*="wa.me"]');
    if (link) send('conversion', link.href.startsWith('tel:') ? 'phone_call' : 'whatsapp', link.href);
  });
  window.opmantik = { send, session: () => sid };
  send('interaction', 'view', document.title);
})();
