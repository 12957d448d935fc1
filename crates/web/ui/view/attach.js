import { keyOf, readFile, same } from '../core/conversation.js';
import { load, save } from '../core/live.js';
import { errorText, t } from '../lang/index.js';
import { button, el, fill, iconButton } from './dom.js';
import { isHuge, kindOf, plainName, sizeText } from './files.js';
import './more.js';

/** How long nothing may go on; how often an upload is tried while there is a connection, and after which pause. */
const [PATIENCE, TRIES, PAUSE] = [60_000, 4, 500];

/** Bytes of a part. A larger file comes in parts, so that what was cut goes on where it was. */
const PART = 4 << 20;

/** One file on its way: `waiting` for its turn, `uploading`, `ready` (uploaded, and to go with what is being written), `failed`; `lost`
 * with the page that had it. One that comes in parts has a `hash`, and `begun` bytes before the part under way.
 * @typedef {{conversation: string, file: File|null, name: string, state: string, done: number, tries: number, why: string, about: FileAbout|null, request: XMLHttpRequest|null, begun: number, hash: string, url: string, row: HTMLElement|null}} Upload */

/** What came of a request, and how much of the file is there.
 * @typedef {{status: number, told: any, offset: number|null}} Answer */

/** What is being uploaded, one file after the other. */
export class Uploads {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    /** @type {Upload[]} */
    this.all = [];
    /** The largest file that the realm takes. @type {number|undefined} */
    this.most = undefined;
    this.list = el('ul', { class: 'uploads', 'aria-label': t('uploads') });
    app.composer.root.lastElementChild?.before(this.list);
    for (const one of kept()) if (one.me === app.me) this.all.push({ ...made(one.conversation, null), name: one.name, state: 'lost', why: t('uploadLost') });
    this.keep();
  }

  /** @param {string} conversation @param {File[]} files */
  add(conversation, files) {
    for (const file of files) this.all.push(made(conversation, file));
    this.keep();
    this.next();
  }

  /** Goes on with what waits, unless something is under way. */
  next() {
    const one = this.all.find(({ state }) => state === 'waiting');
    if (one && !this.app.live.online) one.why = t('waitsForConnection');
    else if (one && this.all.every(({ state }) => state !== 'uploading')) this.upload(one);
    this.draw();
  }

  /** @param {Upload} one */
  async upload(one) {
    const file = /** @type {File} */ (one.file);
    Object.assign(one, { state: 'uploading', done: 0, why: '', tries: one.tries + 1 });
    if (file.size > (await this.limit())) return this.fail(one, t('tooLarge', sizeText(this.most)));
    let hash = '';
    try {
      // A page that did not come over TLS cannot hash.
      if (crypto.subtle) hash = hex(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
      else await file.slice(0, 1).arrayBuffer();
    } catch {
      return this.fail(one, t('unreadable'));
    }
    if (one.state !== 'uploading') return;
    const { status, told } = await this.bring(one, file, hash);
    if (one.state !== 'uploading') return;
    const about = status === 201 ? readFile(told.data) : null;
    if (about) {
      Object.assign(one, { about, state: 'ready' });
      this.settle(one);
      this.next();
    } else if (status === 0 && (one.tries < TRIES || !this.app.live.online)) {
      // The connection was lost: once it is back it is tried again.
      one.state = 'waiting';
      if (!this.app.live.online) one.tries = 0;
      this.draw();
      setTimeout(() => this.next(), PAUSE);
    } else this.fail(one, status === 422 ? t('unreadable') : status === 413 ? t('noRoom') : status === 507 ? t('diskFull') : errorText({ code: told.code ?? 'lost' }));
  }

  /** How large a file may be. */
  async limit() {
    try {
      if (this.most === undefined) {
        const said = (await fetch('/files', { method: 'OPTIONS' })).headers.get('Upload-Limit');
        this.most = Number(/max-size=(\d+)/.exec(said ?? '')?.[1] ?? Infinity);
      }
    } catch {
      return Infinity;
    }
    return this.most;
  }

  /** @param {Upload} one @param {File} file @param {string} hash @returns {Promise<Answer>} */
  async bring(one, file, hash) {
    const about = {
      'Content-Type': file.type || 'application/octet-stream',
      'X-Filename': `UTF-8''${encodeURIComponent(file.name.replace(/\p{Surrogate}/gu, '\ufffd'))}`,
    };
    const path = hash ? `/files/${hash}` : '/files';
    if (!hash || file.size <= PART) return this.ask(one, hash ? 'PUT' : 'POST', path, about, file);
    let at = 0;
    // Of another try some may be there.
    if (one.hash) {
      const there = await this.ask(one, 'HEAD', path, {});
      if (!there.status) return there;
      at = there.offset ?? 0;
    }
    one.hash = hash;
    for (let elsewhere = 0; ; ) {
      const end = Math.min(at + PART, file.size);
      const part = { 'Upload-Complete': end === file.size ? '?1' : '?0', 'Upload-Length': String(file.size) };
      const further = { ...part, 'Upload-Offset': String(at), 'Content-Type': 'application/partial-upload' };
      one.begun = at;
      const answer = await this.ask(one, at ? 'PATCH' : 'PUT', path, at ? further : { ...part, ...about }, file.slice(at, end));
      const { status, offset } = answer;
      // The realm has not noticed yet that the part before was cut.
      if (status === 409 && offset === null) return { ...answer, status: 0 };
      if (status === 409 && elsewhere++ < TRIES) at = offset ?? 0;
      else if (end === file.size || status < 200 || status > 299) return answer;
      else [at, one.tries] = [end, 0];
    }
  }

  /** @param {Upload} one @param {string} method @param {string} path @param {Record<string, string>} head @param {Blob} [body] @returns {Promise<Answer>} */
  ask(one, method, path, head, body) {
    const request = (one.request = new XMLHttpRequest());
    return new Promise((resolve) => {
      /** @type {any} */
      let timer;
      const wait = () => {
        clearTimeout(timer);
        timer = setTimeout(() => request.abort(), PATIENCE);
      };
      request.upload.onprogress = ({ loaded }) => {
        one.done = one.begun + loaded;
        this.draw();
        wait();
      };
      request.onloadend = () => {
        clearTimeout(timer);
        let told = {};
        try {
          told = JSON.parse(request.responseText);
        } catch {
          // What stands in between may say something else.
        }
        const hash = /^\/files\/([0-9a-f]{64})$/.exec(request.getResponseHeader('Location') ?? '')?.[1];
        const file = /** @type {File} */ (one.file);
        if (request.status === 201 && hash) told = { data: { name: file.name, type: file.type, size: file.size, ...(/** @type {any} */ (told).data), sha256: hash } };
        const offset = request.getResponseHeader('Upload-Offset');
        resolve({ status: request.status, told, offset: offset === null ? null : Number(offset) });
      };
      request.open(method, path);
      for (const [key, value] of Object.entries({ Authorization: `Bearer ${this.app.live.token}`, ...head })) request.setRequestHeader(key, value);
      request.send(body);
      wait();
    });
  }

  /** @param {Upload} one @param {string} why */
  fail(one, why) {
    if (one.state === 'uploading') Object.assign(one, { state: 'failed', why });
    this.next();
  }

  /** It is sent, unless something is being written with which it is to go. @param {Upload} one */
  settle(one) {
    const { composer, me } = this.app;
    const here = keyOf(composer.name) === keyOf(one.conversation);
    const text = here && !composer.edited ? composer.text.value : load(`draft.${me}.${keyOf(one.conversation)}`);
    if (text?.trim()) return;
    this.post(one, '', (here && composer.reply?.id) || null);
    if (here && composer.reply) composer.cancel(false);
  }

  /** Whether something goes with what is sent now. */
  isReady(conversation = '') {
    return this.all.some((one) => one.state === 'ready' && same(one.conversation, conversation));
  }

  /** Sends what is ready, with a text. @param {string} conversation @param {string} text @param {number|null} reply */
  send(conversation, text, reply) {
    const ready = this.all.filter((one) => one.state === 'ready' && same(one.conversation, conversation));
    return ready.every((one, at) => this.post(one, at ? '' : text, at ? null : reply));
  }

  /** @param {Upload} one @param {string} text @param {number|null} reply */
  post(one, text, reply) {
    const { app } = this;
    const taken = app.live.post({ conversation: one.conversation, text, reply, kind: null, file: one.about });
    one.why = taken ? '' : t('tooMany');
    if (taken) this.drop(one);
    if (taken && same(app.timeline.name, one.conversation)) {
      app.timeline.sep = null;
      app.timeline.toEnd();
    }
    return taken;
  }

  /** Is not sent any more. @param {Upload} one */
  drop(one) {
    const hadFocus = one.row?.contains(document.activeElement);
    one.state = 'gone';
    one.request?.abort();
    // What came in parts would wait there for the rest.
    const headers = { Authorization: `Bearer ${this.app.live.token}` };
    if (one.hash && !one.about) setTimeout(() => fetch(`/files/${one.hash}`, { method: 'DELETE', headers }).catch(() => {}), PAUSE);
    if (one.url) URL.revokeObjectURL(one.url);
    this.all = this.all.filter((other) => other !== one);
    this.keep();
    this.draw();
    if (hadFocus) this.app.composer.text.focus();
  }

  clear() {
    for (const one of this.all) this.drop(one);
  }

  /** A page that is loaded anew says what was lost. */
  keep() {
    const rest = this.all.map(({ conversation, name }) => ({ me: this.app.me, conversation, name }));
    save('uploads', rest.length ? JSON.stringify(rest) : null, 'sessionStorage');
  }

  draw() {
    const { name } = this.app.composer;
    const shown = this.all.filter((one) => same(one.conversation, name));
    const rows = shown.map((one) => (one.row ??= this.row(one)));
    for (const one of shown) this.fit(one);
    if (rows.length !== this.list.childElementCount || rows.some((row, at) => row !== this.list.children[at])) fill(this.list, ...rows);
    this.list.hidden = !rows.length;
    this.app.timeline.restore();
  }

  /** @param {Upload} one */
  row(one) {
    const name = plainName(one.name);
    if (one.file && kindOf({ type: one.file.type }) === 'picture') one.url = URL.createObjectURL(one.file);
    const drop = () => {
      this.drop(one);
      this.next();
    };
    return el(
      'li',
      {},
      one.url && el('img', { src: one.url, alt: '', hidden: true, onload: small }),
      el('span', { class: 'names' }, el('bdi', {}, name), el('span', { class: 'hint', role: 'status' })),
      el('progress', { 'aria-label': t('uploading', name), max: 100, value: 0 }),
      button(t('again'), () => {
        Object.assign(one, { state: 'waiting', tries: 0 });
        this.next();
      }),
      iconButton('close', t('cancelUpload', name), drop),
    );
  }

  /** Says in its row how far it is. @param {Upload} one */
  fit(one) {
    const row = /** @type {HTMLElement} */ (one.row);
    const find = (/** @type {string} */ tag) => /** @type {any} */ (row.querySelector(tag));
    const { size } = one.file ?? { size: 0 };
    const busy = one.state === 'uploading';
    const text = one.why || (one.state === 'ready' ? t('goesWith') : sizeText(size));
    if (find('.hint').textContent !== text) find('.hint').textContent = text;
    row.classList.toggle('bad', one.state === 'failed' || one.state === 'lost');
    find('progress').hidden = !busy && one.state !== 'waiting';
    find('progress').value = size ? Math.floor((100 * one.done) / size) : 0;
    find('button').hidden = one.state !== 'failed';
  }
}

/** Shows a picture that is not too large for that. @param {any} event */
const small = ({ target }) => (target.hidden = isHuge(target.naturalWidth, target.naturalHeight));

/** @param {string} conversation @param {File|null} file @returns {Upload} */
function made(conversation, file) {
  return { conversation, file, name: file?.name ?? '', state: 'waiting', done: 0, tries: 0, why: '', about: null, request: null, begun: 0, hash: '', url: '', row: null };
}

/** What was under way when the page was loaded anew. @returns {any[]} */
function kept() {
  try {
    const all = JSON.parse(load('uploads', 'sessionStorage') ?? '[]');
    return all.filter((/** @type {any} */ one) => typeof one.conversation === 'string' && typeof one.name === 'string');
  } catch {
    return [];
  }
}

/** @param {ArrayBuffer} bytes */
const hex = (bytes) => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
