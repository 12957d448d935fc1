import { isFrom, isMentioned, mentions, readMessage, same } from '../core/conversation.js';
import { load } from '../core/live.js';
import { errorText, show, t } from '../lang/index.js';

/**
 * Makes an element. Keys that begin with `on` are listeners, `value`, `checked`, `disabled` and `textContent` are set, all others are
 * attributes; those that are null, undefined or false are left out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {Record<string, any>} [attributes] @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else if (['value', 'checked', 'disabled', 'textContent'].includes(key)) Object.assign(made, { [key]: value });
    else made.setAttribute(key, value === true ? '' : value);
  }
  fill(made, ...children);
  return made;
}

/** Replaces what is in an element. @param {Element} parent @param {...Child} children */
export function fill(parent, ...children) {
  parent.replaceChildren(.../** @type {(Node|string)[]} */ (children.filter((child) => child || child === '')));
}

const SVG = 'http://www.w3.org/2000/svg';
/** Pictures, by name; `more.js` adds those of what is loaded later. @type {Record<string, string>} */
export const paths = {
  clip: 'M20 11l-8 8a5 5 0 0 1-7-7l9-9a3.500 3.500 0 0 1 5 5l-9 9a2 2 0 0 1-3-3l8-8',
  plus: 'M12 5v14M5 12h14',
  send: 'M4 12 20 4l-5 16-3.5-6.5zM11.5 13.5 20 4',
  smile: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M8.5 14.5a4.5 4.5 0 0 0 7 0M9 9.5v.5M15 9.5v.5',
  back: 'M15 5l-7 7 7 7',
  out: 'M10 4H5v16h5M9 12h11M16 8l4 4-4 4',
  more: 'M12 5v.5M12 12v.5M12 19v.5',
  down: 'M12 5v14M6 13l6 6 6-6',
  mute: 'M5 16h14l-2-3V9a5 5 0 0 0-9-3M10 19a2 2 0 0 0 4 0M4 4l16 16',
  sending: 'M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16M12 8v4l3 2',
  stored: 'M5 13l4 4L19 7',
  pending: 'M7 4h10L7 20h10z',
  delivered: 'M2 13l4 4L16 7M11 15l2 2L22 7',
  failed: 'M12 4l9 16H3zM12 10v4M12 17v.5',
  close: 'M6 6l12 12M18 6L6 18',
  info: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M12 11v5M12 8v.5',
};

export function icon(name = '') {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', paths[name]);
  svg.append(path);
  return svg;
}

/** A button that shows a picture. @param {string} name @param {string} label @param {(event: MouseEvent) => void} onclick @param {string} [cls] */
export function iconButton(name, label, onclick, cls = '') {
  return el('button', { type: 'button', class: `icon ${cls}`, 'aria-label': label, title: label, onclick }, icon(name));
}

/** @param {Child|Child[]} shown @param {(event: MouseEvent) => void} onclick */
export const button = (shown, onclick, cls = '') => el('button', { type: 'button', class: cls, onclick }, ...[shown].flat());

/** Who somebody is, at a glance: first letters on a colour of their own. */
export function avatar(name = '') {
  let sum = 7;
  for (const char of name.toLowerCase()) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) % 9973;
  const letters = name.startsWith('#') ? '#' : [...name].slice(0, 2).join('');
  return el('span', { class: `avatar c${sum % 8}`, 'aria-hidden': 'true' }, letters);
}

const INLINE = /\x60([^\x60\n]+)\x60|\bhttps?:\/\/[^\s<>"\x60]+/g;
/** What turns the order of signs: with it an address would end otherwise than it seems to. */
const TURNS = /[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/g;
const FENCE = '\x60\x60\x60';
const ONLY_EMOJI = /^(?:[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}\u200d\ufe0f\s]){1,16}$/u;

/** How many blocks and links, codes and mentions of a message are made at most: what comes after is text. */
const [BLOCKS, PARTS] = [30, 100];
let parts = 0;

/** What a message says, as nodes: links, `code`, quotes, mentions. Never HTML, and never very many.
 * @param {string} text @param {(word: string) => boolean} calls whether a mention is of the user @returns {DocumentFragment} */
export function format(text, calls) {
  const made = document.createDocumentFragment();
  const lines = text.split('\u2028');
  const last = lines.findLastIndex((line) => line.trimEnd() === FENCE);
  const isFence = (at = 0) => at < last && lines[at].startsWith(FENCE);
  const isQuote = (at = 0) => /^> ?\S/.test(lines[at]);
  parts = 0;
  for (let at = 0; at < lines.length; ) {
    const from = at++;
    const rest = made.childElementCount >= BLOCKS;
    if (!rest && isFence(from)) {
      while (lines[at].trimEnd() !== FENCE) at++;
      made.append(el('pre', { tabindex: 0 }, el('code', {}, lines.slice(from + 1, at++).join('\n'))));
    } else if (!rest && isQuote(from)) {
      while (lines[at]?.startsWith('>')) at++;
      const quote = lines.slice(from, at).map((line) => line.replace(/^> ?/, ''));
      made.append(el('blockquote', { dir: 'auto' }, el('p', {}, inline(quote.join('\n'), calls))));
    } else {
      while (at < lines.length && (rest || !(isFence(at) || isQuote(at)))) at++;
      made.append(el('p', { dir: 'auto' }, inline(lines.slice(from, at).join('\n'), calls)));
    }
  }
  return made;
}

/** As much of a long text as is shown until somebody wants all of it. */
export function fold(text = '') {
  const short = text.split('\u2028', 40).join('\u2028').slice(0, 1500).replace(/[\ud800-\udbff]$/, '');
  if (short === text) return text;
  return `${short} …${short.split(FENCE).length % 2 ? '' : `\u2028${FENCE}`}`;
}

/** Whether a text is a few emoji and nothing else. */
export const isOnlyEmoji = (text = '') => ONLY_EMOJI.test(text) && /\p{Extended_Pictographic}|\p{Regional_Indicator}/u.test(text);

/** @param {string} text @param {(word: string) => boolean} calls */
function inline(text, calls) {
  const made = document.createDocumentFragment();
  let from = 0;
  for (const found of text.matchAll(INLINE)) {
    let [whole] = found;
    if (parts++ > PARTS) break;
    plain(made, text.slice(from, found.index), calls);
    if (found[1] !== undefined) made.append(el('code', {}, found[1]));
    else {
      // Signs at the end belong to the sentence, but for a bracket that the address itself opens.
      whole = whole.replace(/[.,;:!?'"\]}…]+$/, '');
      while (whole.endsWith(')') && !whole.includes('(')) whole = whole.slice(0, -1);
      made.append(URL.canParse(whole) ? el('a', { href: whole, dir: 'ltr', target: '_blank', rel: 'noopener noreferrer nofollow' }, whole.replace(TURNS, '')) : whole);
    }
    from = found.index + whole.length;
  }
  plain(made, text.slice(from), calls);
  return made;
}

/** @param {DocumentFragment} made @param {string} text @param {(word: string) => boolean} calls */
function plain(made, text, calls) {
  let from = 0;
  for (const found of text.includes('@') ? mentions(text) : []) {
    if (parts++ > PARTS) break;
    made.append(text.slice(from, found.index));
    made.append(el('span', { class: calls(found[0]) ? 'mention mine' : 'mention' }, found[0]));
    from = found.index + found[0].length;
  }
  made.append(text.slice(from));
}

/** A text in one line, for lists. */
export const oneLine = (text = '') => text.slice(0, 200).replace(/\x60{3}|^> ?/g, '').replace(/[\u2028\t]+/g, ' ').trim();

/** A field with its name above it. @param {string} label @param {HTMLElement} input */
export const field = (label, input) => el('label', { class: 'field' }, el('span', {}, label), input);

/** @param {Record<string, any>} [attributes] */
export const textbox = (attributes) => el('input', { type: 'text', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', dir: 'auto', ...attributes });

/** Whether a dialog is open. */
export const isAsking = () => document.querySelector('dialog[open]') !== null;

/** Shows the page dark or light, or as the system is. */
export function applyTheme() {
  const theme = load('theme');
  document.documentElement.dataset.theme = theme === 'dark' || theme === 'light' ? theme : 'system';
}

/** Who wrote a message, as one addresses them. @param {Message} message */
export const author = (message) => (message.realm ? `${message.from}@${message.realm}` : message.from);

/** What a message says in one line. @param {Message} message */
export function summary(message) {
  if (message.deleted) return t('deleted');
  if (message.file && !message.text) return message.file.name;
  return message.kind === 'action' ? `${author(message)} ${oneLine(message.text)}` : oneLine(message.text);
}

/** The file of a message, once what shows it is loaded. @param {App} app @param {Message} message @param {HTMLElement} row */
function file(app, message, row) {
  if (app.files) return app.files.place(app, message, row);
  app.seldom(import('./files.js'), (all) => {
    app.files = all;
    app.dirty();
  });
  return null;
}

/** Makes or renews the article of a message. @param {App} app @param {HTMLElement|null} old @param {Shown} shown @returns {HTMLElement} */
export function messageRow(app, old, shown) {
  const { message, entry, state } = shown;
  const own = isFrom(message, app.me);
  const row = old ?? el('article', { tabindex: -1 }, el('div', { class: 'side' }), el('div', { class: 'content' }));
  const [side, content] = /** @type {[HTMLElement, HTMLElement]} */ (/** @type {unknown} */ (row.children));
  const held = /** @type {HTMLElement} */ (document.activeElement);
  const focused = content.contains(held) ? held.getAttribute('data-emoji') : undefined;
  row.className = ['msg', own && 'own', shown.follows && 'follows', message.notice && 'notice', message.kind === 'action' && 'action'].filter(Boolean).join(' ');
  // Nothing can be done with what has no place yet.
  row.dataset.id = String(message.pending || (entry && entry.state !== 'posted') ? message.ref : message.id);
  row.dataset.state = state;
  const time = show('time', message.time);
  row.setAttribute('aria-label', `${author(message)}, ${time}`);
  const stamp = () => el('time', { datetime: message.time, title: show('full', message.time) }, time);
  // What was unfolded stays so for as long as the row is there.
  const text = row.dataset.whole ? message.text : fold(message.text);
  const all = () => {
    row.dataset.whole = 'yes';
    messageRow(app, row, shown);
    // Who reads goes on where the rest begins.
    app.timeline.note_();
  };
  fill(side, shown.follows ? stamp() : avatar(author(message)));
  fill(
    content,
    !shown.follows &&
      el('header', {}, el('bdi', { class: 'who' }, author(message)), shown.display ? el('bdi', { class: 'display' }, shown.display) : '', stamp()),
    message.reply !== null && quote(app, message.reply, shown.answered),
    message.file && file(app, message, row),
    el('div', { class: 'line' }, body(app, message, text), (own || message.pending) && !message.notice ? tick(app, state) : ''),
    text !== message.text && button(t('showAll'), all, 'plain'),
    message.reactions.length > 0 && reactions(app, message),
    entry?.state === 'refused' && refused(app, entry),
  );
  // Where the focus was in what was made anew, it stays there, or at least in the message.
  if (focused === undefined) return row;
  const next = focused && [...content.querySelectorAll('button')].find((one) => one.dataset.emoji === focused);
  (content.contains(held) ? held : next || row).focus({ preventScroll: true });
  return row;
}

/** @param {App} app @param {Message} message */
function body(app, message, text = '') {
  if (message.deleted) return el('div', { class: 'body gone' }, t('deleted'));
  const made = el('div', { class: `body${isOnlyEmoji(message.text) ? ' big' : ''}` });
  if (message.kind === 'action') made.append(el('bdi', { class: 'who' }, author(message)));
  if (message.text || !message.file) made.append(format(text, (word) => isMentioned(word, app.me, app.realm)));
  if (message.lost) made.append(t('gone'));
  if (message.edited) made.append(el('span', { class: 'edited', title: show('full', message.edited) }, t('edited')));
  return made;
}

/** @param {App} app @param {Shown['state']} state */
function tick(app, state) {
  const label = t(/** @type {const} */ (`state_${state}`), app.timeline.name.split('@')[1]);
  return el('span', { class: `tick ${state}`, role: 'img', 'aria-label': label, title: label }, icon(state));
}

/** @param {App} app @param {number} id @param {Message|null} answered */
function quote(app, id, answered) {
  const what = answered ? [el('bdi', { class: 'who' }, author(answered)), ' ', summary(answered)] : [t('earlier')];
  return el('button', { type: 'button', class: 'quote', onclick: () => app.timeline.jump(id) }, ...what);
}

/** @param {App} app @param {Message} message */
function reactions(app, message) {
  return el(
    'div',
    { class: 'chips' },
    ...message.reactions.map(([emoji, by]) => {
      const mine = by.some((name) => same(name, app.me));
      const onclick = () => app.onMessage(mine ? 'UNREACT' : 'REACT', message.id, emoji);
      return el('button', { type: 'button', class: 'chip', 'aria-pressed': String(mine), title: by.join(', '), 'data-emoji': emoji, onclick }, `${emoji} ${by.length}`);
    }),
  );
}

/** @param {App} app @param {Entry} entry */
function refused(app, entry) {
  return el(
    'div',
    { class: 'refused' },
    errorText(entry),
    ' ',
    button(t('again'), () => app.live.retry(entry.draft)),
    button(t('discard'), () => app.live.discard(entry.draft.ref)),
  );
}

/** The message that an entry of the outbox will be. @param {Entry} entry @returns {Message} */
export function toBe({ draft, id }, me = '') {
  const time = new Date(parseInt(draft.ref, 36) || Date.now()).toISOString();
  return /** @type {Message} */ (readMessage({ ...draft, id, time, from: me, message: draft.text }));
}
