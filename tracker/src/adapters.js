/**
 * The second file: what only some pages need. Loaded by the core when the page asks for it (`data-adapters`, `data-cmp`, `data-wa-ref`,
 * `data-thanks`, `data-denied`, or `#opsmantik-check` in the address); without it nothing of the core's promises changes.
 */

import { watchBanners } from './adapters/banners.js';
import { showPanel } from './adapters/check.js';
import { watchForms } from './adapters/forms.js';
import { countDenials } from './adapters/denials.js';
import { page, tank } from './adapters/tank.js';
import { markMessages } from './adapters/wa_ref.js';
import { watchWidgets } from './adapters/widgets.js';

if (tank && !page._adapters) {
  page._adapters = 1;
  if (tank.setting('denied') === 'count') countDenials();
  watchForms();
  watchWidgets();
  if (tank.setting('waRef')) markMessages();
  if (tank.setting('cmp')) watchBanners();
  if (location.hash === '#opsmantik-check') showPanel();
}
