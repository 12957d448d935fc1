// The texts and the style of what is seldom used, which is not loaded before: whoever imports this has them.

import { moreTexts } from '../lang/index.js';
import { el, paths } from './dom.js';

Object.assign(paths, {
  file: 'M14 3H6v18h12V7zM14 3v4h4',
  reply: 'M9 6l-5 5 5 5M4 11h9a7 7 0 0 1 7 7',
  edit: 'M4 20l1-4L16 5l3 3L8 19zM14 7l3 3',
  trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
});

const style = new Promise((resolve) => document.head.append(el('link', { rel: 'stylesheet', href: new URL('../style/panels.css', import.meta.url).href, onload: resolve, onerror: resolve })));
await Promise.all([moreTexts(), style]);
