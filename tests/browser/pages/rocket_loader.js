// In the manner of Rocket Loader: every script of the page was given a type the browser does not know; after `load` each is fetched and
// run again, one after the other, without an element of its own being current. What asks not to be touched (data-cfasync) was left alone.
addEventListener('load', async () => {
  for (const script of document.querySelectorAll('script[type$="-text/javascript"]')) {
    const text = script.src ? await (await fetch(script.src)).text() : script.textContent;
    (0, eval)(text);
  }
});
