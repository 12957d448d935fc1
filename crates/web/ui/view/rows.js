import { isFrom, same } from '../core/conversation.js';
import { errorText, show, t } from '../lang/index.js';
import { avatar, button, el, fill, fold, format, icon, isOnlyEmoji, oneLine } from './dom.js';

/** Who wrote a message, as one addresses them. @param {Message} message */
export const author = (message) => (message.realm ? `${message.from}@${message.realm}` : message.from);

/** What a message says in one line. @param {Message} message */
export function summary(message) {
  if (message.deleted) return t('deleted');
  if (message.file && !message.text) return message.file.name;
  return message.kind === 'action' ? `${message.from} ${oneLine(message.text)}` : oneLine(message.text);
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
  row.dataset.id = entry && entry.state !== 'posted' ? entry.draft.ref : String(message.id);
  row.dataset.state = state;
  const time = show('time', message.time);
  row.setAttribute('aria-label', `${author(message)}, ${time}`);
  const stamp = () => el('time', { datetime: message.time, title: show('full', message.time) }, time);
  // What was unfolded stays so for as long as the row is there.
  const text = row.dataset.whole ? message.text : fold(message.text);
  const all = () => {
    row.dataset.whole = 'yes';
    messageRow(app, row, shown).focus();
    app.timeline.restore();
  };
  fill(side, shown.follows ? stamp() : avatar(author(message)));
  fill(
    content,
    !shown.follows &&
      el('header', {}, el('bdi', { class: 'who' }, author(message)), shown.display ? el('bdi', { class: 'display' }, shown.display) : '', stamp()),
    message.reply !== null && quote(app, message.reply, shown.answered),
    message.file && file(app, message, row),
    el('div', { class: 'line' }, body(app, message, text), own && !message.notice ? tick(state) : ''),
    text !== message.text && button(t('showAll'), all, 'plain'),
    message.reactions.length > 0 && reactions(app, message),
    entry?.state === 'refused' && refused(app, entry),
  );
  // Where the focus was in what was made anew, it stays there, or at least in the message.
  if (focused === undefined) return row;
  const next = focused && [...content.querySelectorAll('button')].find((one) => one.dataset.emoji === focused);
  (content.contains(held) ? held : next || row).focus();
  return row;
}

/** @param {App} app @param {Message} message */
function body(app, message, text = '') {
  if (message.deleted) return el('div', { class: 'body gone' }, t('deleted'));
  const made = el('div', { class: `body${isOnlyEmoji(message.text) ? ' big' : ''}` });
  if (message.kind === 'action') made.append(el('bdi', { class: 'who' }, message.from));
  if (message.text || !message.file) made.append(format(text, app.me));
  if (message.edited) made.append(el('span', { class: 'edited', title: show('full', message.edited) }, t('edited')));
  return made;
}

/** @param {Shown['state']} state */
function tick(state) {
  const label = t(/** @type {const} */ (`state_${state}`));
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
  const nothing = { sent: null, realm: null, to_realm: null, notice: null, edited: null, deleted: false, delivered: false };
  return { ...nothing, id, time, from: me, text: draft.text, kind: draft.kind ?? null, reply: draft.reply ?? null, ref: draft.ref, reactions: [], file: draft.file ?? null };
}
