import { lineOf } from '../core/conversation.js';
import { errorText, t } from '../lang/index.js';
import { button, el, fill, icon } from './dom.js';
import './more.js';

/** How far from what is seen a file is loaded, in pixels. */
const NEAR = '600px';
/** A link is asked for anew where it ends sooner than this. */
const SPARE = 3600_000;

/** How large something is, in words. */
export function sizeText(bytes = 0) {
  let unit = 0;
  while (unit < 3 && Math.round(bytes / 1024 ** unit) > 1023) unit++;
  const size = bytes / 1024 ** unit;
  return `${(unit && size < 10 ? size.toFixed(1) : String(Math.round(size))).replace(/\.0$/, '')} ${['B', 'kB', 'MB', 'GB'][unit]}`;
}

/** A name as it may be shown: what would turn the order of its letters is left out. */
export const plainName = (name = '') => name.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/g, '') || '?';

/** Links that are known, by conversation and message. @type {Map<string, {path: string, until: number}>} */
const links = new Map();
/** What could not be had while there was no connection. @type {Set<() => void>} */
const waiting = new Set();
/** What is to be done with a box once it is near what is seen. @type {WeakMap<Element, () => void>} */
const near = new WeakMap();
/** @type {IntersectionObserver|undefined} */
let observer;

/** What a picture may have of pixels, and on a side: one takes four bytes of memory for each pixel, however small its file is. */
const [MOST_PIXELS, MOST_SIDE] = [40e6, 16_384];

/** Whether a picture is too large to be shown. */
export const isHuge = (width = 0, height = 0) => width * height > MOST_PIXELS || Math.max(width, height) > MOST_SIDE;

/** How a file is shown in its message. @param {{type: string, width?: number|null, height?: number|null}} file */
export function kindOf({ type, width, height }) {
  if (isHuge(width ?? 0, height ?? 0)) return 'row';
  if (/^image\/(png|jpeg|gif|webp|avif|bmp)$/.test(type)) return 'picture';
  return /^(audio|video)\//.exec(type)?.[1] ?? 'row';
}

/** How many files are fetched to be seen at once, of the six connections that a browser has; and for how long (ms) one may not answer. */
const [AT_ONCE, PATIENCE] = [2, 20_000];
let fetched = 0;
/** Those whose turn comes next. @type {(() => void)[]} */
const turns = [];

/** Fetches what an element shows, in its turn. @param {any} media @param {HTMLElement} box
 * @returns {Promise<'here'|'bad'|'late'|'gone'>} */
async function fetchInto(media, box, path = '') {
  if (fetched < AT_ONCE) fetched++;
  else await new Promise((resolve) => turns.push(() => resolve(0)));
  try {
    // Who reads may be elsewhere by now.
    return box.isConnected ? await arrived(media, path) : 'gone';
  } finally {
    const next = turns.shift();
    if (next) next();
    else fetched--;
  }
}

/** @param {any} media @param {string} path @returns {Promise<'here'|'bad'|'late'>} */
function arrived(media, path) {
  return new Promise((resolve) => {
    let answers = false;
    const timer = setTimeout(() => {
      // What has said how large it is, or goes on, has answered, and may be slow.
      if (answers || media.naturalWidth) return resolve('here');
      media.removeAttribute('src');
      resolve('late');
    }, PATIENCE);
    const end = (/** @type {'here'|'bad'} */ how) => () => {
      clearTimeout(timer);
      resolve(how);
    };
    media.onprogress = () => (answers = true);
    media.onload = media.onloadedmetadata = end('here');
    media.onerror = end('bad');
    media.src = path;
  });
}

/** How large a picture is shown at most. */
const [WIDEST, HIGHEST] = [380, 320];

/** Makes a place as large as what will be in it. @param {HTMLElement} box @param {FileAbout} file */
function reserve(box, file) {
  const kind = kindOf(file);
  box.className = `file ${kind}`;
  if (kind !== 'picture') return;
  const [width, height] = [file.width ?? 240, file.height ?? 180];
  const scale = Math.min(1, WIDEST / width, HIGHEST / height);
  const [w, h] = [width, height].map((side) => Math.max(24, side * scale));
  box.style.width = `${w}px`;
  box.style.aspectRatio = `${w} / ${h}`;
}

/** The place of a file, as large as what will be in it, so that nothing moves once that is loaded. @param {App} app @param {Message} message @param {HTMLElement} row */
export function place(app, message, row) {
  const file = /** @type {FileAbout} */ (message.file);
  const key = `${message.id} ${file.sha256}`;
  /** @type {HTMLElement|null} */
  const old = row.querySelector('.file');
  if (old?.dataset.key === key) return old;
  const box = el('div', { 'data-key': key });
  reserve(box, file);
  showFile(app, box, message);
  return box;
}

/** A link to the file of a message, under which the browser itself can fetch it; or why there is none.
 * @param {App} app @param {string} name @param {number} id @returns {Promise<{path: string, why: string, lost?: boolean}>} */
async function linkTo(app, name, id) {
  const key = `${app.me} ${name} ${id}`;
  const known = links.get(key);
  if (known && known.until > Date.now() + SPARE) return { path: known.path, why: '' };
  const reply = await app.live.ask(lineOf('FILELINK', [name, id]));
  if (reply.status !== 'OK' || !/^\/files\/[0-9a-f]{64}\?/.test(reply.path)) return { path: '', why: errorText(reply), lost: reply.code === 'lost' };
  links.set(key, { path: reply.path, until: Date.parse(reply.until) || 0 });
  return { path: reply.path, why: '' };
}

/** Why a file is not here; empty where it is. */
async function reason(path = '') {
  try {
    const { status } = await fetch(path, { method: 'HEAD', cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
    if (status < 300) return '';
    return status === 404 || status === 401 ? errorText({ code: 'file_not_found' }) : t('notNow');
  } catch (error) {
    return t(error instanceof DOMException && error.name === 'TimeoutError' ? 'notNow' : 'lost');
  }
}

/** What waited for a connection is tried again. */
export function again() {
  for (const act of [...waiting]) act();
}

/** The picture that is seen large. @type {{view: View, dialog: HTMLDialogElement}|undefined} */
let large;

/** What was deleted is not looked at any more. */
export function closeDeleted() {
  if (large?.view.isDeleted) large.dialog.close();
}

/** Puts the file of a message into the place that is kept for it. @param {App} app @param {HTMLElement} box @param {Message} message */
function showFile(app, box, { id, file }) {
  if (!file) return;
  const view = new View(app, box, app.timeline.name, id, file);
  if (!view.isShown) view.row('');
  // One that is on its way cannot be fetched yet.
  if (!id) return;
  observer ??= new IntersectionObserver(
    (all) => {
      for (const { isIntersecting, target } of all) {
        if (!isIntersecting) continue;
        observer?.unobserve(target);
        near.get(target)?.();
      }
    },
    { root: app.timeline.box, rootMargin: NEAR },
  );
  near.set(box, () => view.load());
  observer.observe(box);
}

/** A file as it is seen in its message. */
class View {
  /** @param {App} app @param {HTMLElement} box @param {string} conversation @param {number} id @param {FileAbout} file */
  constructor(app, box, conversation, id, file) {
    this.app = app;
    this.box = box;
    this.conversation = conversation;
    this.id = id;
    this.file = file;
    this.name = plainName(file.name);
    this.again = () => this.load();
  }

  get isShown() {
    return kindOf(this.file) !== 'row';
  }

  get isDeleted() {
    return this.app.live.model.conversation(this.conversation)?.messages.get(this.id)?.deleted === true;
  }

  async load() {
    waiting.delete(this.again);
    if (!this.box.isConnected) return;
    const { path, why, lost } = await linkTo(this.app, this.conversation, this.id);
    if (!path) {
      if (lost) waiting.add(this.again);
      return this.row('', why);
    }
    if (!this.isShown) return this.row(path);
    reserve(this.box, this.file);
    const kind = kindOf(this.file);
    const media = kind === 'picture' ? el('img', { alt: this.name, decoding: 'async', hidden: true }) : el(kind === 'audio' ? 'audio' : 'video', { controls: true, preload: 'metadata', 'aria-label': this.name });
    fill(this.box, media instanceof HTMLImageElement ? this.look(media, path) : media);
    const how = await fetchInto(media, this.box, path);
    media.onerror = () => this.failed(path);
    if (how === 'late') this.row('', t('notNow'));
    else if (how === 'bad') await this.failed(path);
    // What is told of a picture need not be so: it is seen, and with that taken apart, once it has said how large it is.
    else if (media instanceof HTMLImageElement && isHuge(media.naturalWidth, media.naturalHeight)) this.row(path);
    else media.hidden = false;
  }

  look(image = el('img'), path = '') {
    const look = button(image, () => this.enlarge(path), 'look');
    look.setAttribute('aria-label', this.name);
    return look;
  }

  /** The picture as large as there is room, and a way to keep it. */
  enlarge(path = '') {
    this.app.dialogs(({ dialog }) => {
      large = { view: this, dialog: dialog(this.name, 'large', (body) => body.append(el('img', { alt: this.name, src: path }), this.download(path))) };
    });
  }

  async failed(path = '') {
    const why = await reason(path);
    if (why) links.delete(`${this.app.me} ${this.conversation} ${this.id}`);
    // It is here, and the browser cannot show it: then it can be saved.
    this.row(path, why || t('notShown'), why !== '');
  }

  /** Its name, and what can be done with it. */
  row(path = '', why = '', retries = why !== '') {
    const { box, file, name } = this;
    const what = el('span', { class: 'names' }, el('bdi', { title: name }, name), el('span', { class: 'hint', role: why ? 'status' : null }, why || sizeText(file.size)));
    const act = retries ? button(t('again'), () => this.load()) : path && this.download(path);
    box.className = 'file row';
    box.style.width = box.style.aspectRatio = '';
    fill(box, icon('file'), what, act);
    this.app.timeline.restore();
  }

  /** A link that saves the file. It is looked for first, since a browser would say nothing of why it cannot be had. */
  download(path = '') {
    const made = el('a', { class: 'button', href: path, download: this.name, 'aria-label': t('downloadOf', this.name) }, t('download'));
    const go = async (/** @type {Event} */ event) => {
      if (!event.isTrusted) return;
      event.preventDefault();
      const { path: now, why } = await linkTo(this.app, this.conversation, this.id);
      const no = why || (await reason(now));
      if (no) {
        links.delete(`${this.app.me} ${this.conversation} ${this.id}`);
        return made.closest('dialog') ? this.app.toast(no) : this.row('', no);
      }
      made.href = now;
      made.click();
    };
    made.addEventListener('click', go);
    return made;
  }
}
