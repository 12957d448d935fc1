import { isFrom, same } from '../core/conversation.js';
import { errorText, show, t } from '../lang/index.js';
import { avatar, button, el, fill, format, icon, isOnlyEmoji, oneLine } from './dom.js';

/** Who wrote a message, as one addresses them. @param {Message} message */
export const author = (message) => (message.realm ? `${message.from}@${message.realm}` : message.from);

/** What a message says in one line. @param {Message} message */
export function summary(message) {
  if (message.deleted) return t('deleted');
  if (message.file && !message.text) return message.file.name;
  return message.kind === 'action' ? `${message.from} ${oneLine(message.text)}` : oneLine(message.text);
}

/** How a file is shown in its message. @param {{type: string}} file */
export function kindOf({ type }) {
  if (/^image\/(png|jpeg|gif|webp|avif|bmp)$/.test(type)) return 'picture';
  return /^(audio|video)\//.exec(type)?.[1] ?? 'row';
}

/** How large a picture is shown at most. */
const [WIDEST, HIGHEST] = [380, 320];

/** The place of a file, as large as what will be in it, so that nothing moves once that is loaded. @param {App} app @param {Message} message @param {HTMLElement} row */
function place(app, message, row) {
  const file = /** @type {FileAbout} */ (message.file);
  const key = `${message.id} ${file.sha256}`;
  /** @type {HTMLElement|null} */
  const old = row.querySelector('.file');
  if (old?.dataset.key === key) return old;
  const box = el('div', { class: `file ${kindOf(file)}`, 'data-key': key });
  if (kindOf(file) === 'picture') {
    const [width, height] = [file.width ?? 240, file.height ?? 180];
    const scale = Math.min(1, WIDEST / width, HIGHEST / height);
    const [w, h] = [width, height].map((side) => Math.max(24, side * scale));
    box.style.width = `${w}px`;
    box.style.aspectRatio = `${w} / ${h}`;
  }
  app.seldom(import('./files.js'), ({ showFile }) => showFile(app, box, message));
  return box;
}

/** Makes or renews the article of a message. @param {App} app @param {HTMLElement|null} old @param {Shown} shown @returns {HTMLElement} */
export function messageRow(app, old, shown) {
  const { message, entry, state } = shown;
  const own = isFrom(message, app.me);
  const row = old ?? el('article', { tabindex: -1 }, el('div', { class: 'side' }), el('div', { class: 'content' }));
  const [side, content] = /** @type {[HTMLElement, HTMLElement]} */ (/** @type {unknown} */ (row.children));
  const held = document.activeElement;
  const playing = [...content.querySelectorAll('audio, video')].filter((one) => !(/** @type {HTMLMediaElement} */ (one).paused));
  const focused = content.contains(document.activeElement) ? document.activeElement?.getAttribute('data-emoji') : undefined;
  row.className = ['msg', own && 'own', shown.follows && 'follows', message.notice && 'notice', message.kind === 'action' && 'action'].filter(Boolean).join(' ');
  row.dataset.id = entry && entry.state !== 'posted' ? entry.draft.ref : String(message.id);
  row.dataset.state = state;
  const time = show('time', message.time);
  row.setAttribute('aria-label', `${author(message)}, ${time}`);
  const stamp = () => el('time', { datetime: message.time, title: show('full', message.time) }, time);
  fill(side, shown.follows ? stamp() : avatar(author(message)));
  fill(
    content,
    !shown.follows &&
      el('header', {}, el('bdi', { class: 'who' }, author(message)), shown.display ? el('bdi', { class: 'display' }, shown.display) : '', stamp()),
    message.reply !== null && quote(app, message.reply, shown.answered),
    message.file && place(app, message, row),
    el('div', { class: 'line' }, body(app, message), own && !message.notice ? tick(state) : ''),
    message.reactions.length > 0 && reactions(app, message),
    entry?.state === 'refused' && refused(app, entry),
  );
  // What is taken out and put back, in the same moment, goes on.
  for (const one of playing) if (one.isConnected) /** @type {HTMLMediaElement} */ (one).play().catch(() => {});
  // Where the focus was in what was made anew, it stays there, or at least in the message.
  if (focused === undefined) return row;
  const next = focused && [...content.querySelectorAll('button')].find((one) => one.dataset.emoji === focused);
  (content.contains(held) ? /** @type {HTMLElement} */ (held) : next || row).focus();
  return row;
}

/** @param {App} app @param {Message} message */
function body(app, message) {
  if (message.deleted) return el('div', { class: 'body gone' }, t('deleted'));
  const made = el('div', { class: `body${isOnlyEmoji(message.text) ? ' big' : ''}` });
  if (message.kind === 'action') made.append(el('bdi', { class: 'who' }, message.from));
  if (message.text || !message.file) made.append(format(message.text, app.me));
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
  const again = () => {
    app.live.model.outbox.again(entry.draft.ref);
    app.live.settle();
  };
  return el(
    'div',
    { class: 'refused' },
    errorText(entry),
    ' ',
    button(t('again'), again),
    button(t('discard'), () => app.live.discard(entry.draft.ref)),
  );
}

/** The message that an entry of the outbox will be. @param {Entry} entry @returns {Message} */
export function toBe({ draft, id }, me = '') {
  const time = new Date(parseInt(draft.ref, 36) || Date.now()).toISOString();
  const nothing = { sent: null, realm: null, to_realm: null, notice: null, edited: null, deleted: false, delivered: false };
  return { ...nothing, id, time, from: me, text: draft.text, kind: draft.kind ?? null, reply: draft.reply ?? null, ref: draft.ref, reactions: [], file: draft.file ?? null };
}
