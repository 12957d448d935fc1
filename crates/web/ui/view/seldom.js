// What is not needed to read and write is loaded when it is asked for.

import { el } from './dom.js';

export * from './dialogs.js';
export * from './emoji.js';
export * from './panels.js';

await new Promise((resolve) => document.head.append(el('link', { rel: 'stylesheet', href: new URL('../style/panels.css', import.meta.url).href, onload: resolve, onerror: resolve })));
