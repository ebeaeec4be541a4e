// In the manner of a tag manager's Custom HTML tag: the tag's text becomes elements once the page is there; a script is made anew, with its
// address and text and without its other attributes.
addEventListener('DOMContentLoaded', () => setTimeout(() => {
  const holder = document.createElement('div');
  holder.innerHTML = window.customHtml;
  for (const old of holder.querySelectorAll('script')) {
    const script = document.createElement('script');
    if (old.src) script.src = old.src;
    script.text = old.text;
    script.async = true;
    document.body.append(script);
  }
}, 200));
