// In the manner of optimisers that delay JavaScript until the visitor first touches the page: scripts were given a type the browser does not
// know; the first touch puts the real ones in their place. What asks not to be touched (data-no-defer, data-cfasync) was left alone.
addEventListener('pointerdown', () => {
  for (const held of document.querySelectorAll('script[type="delayed/javascript"]')) {
    const script = document.createElement('script');
    for (const { name, value } of held.attributes) if (name !== 'type') script.setAttribute(name, value);
    script.text = held.text;
    held.replaceWith(script);
  }
}, { once: true, capture: true });
