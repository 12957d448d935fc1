// The texts and the style of what is seldom used, which is not loaded before: whoever imports this has them.

import { moreTexts } from '../lang/index.js';
import { el } from './dom.js';

const style = new Promise((resolve) => document.head.append(el('link', { rel: 'stylesheet', href: new URL('../style/panels.css', import.meta.url).href, onload: resolve, onerror: resolve })));
await Promise.all([moreTexts(), style]);
