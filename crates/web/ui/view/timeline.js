import { countsFor, isDelivered, isFrom, keyOf, OPEN } from '../core/conversation.js';
import { dayName, dayOf, t } from '../lang/index.js';
import { author, el, iconButton, messageRow, toBe } from './dom.js';

/** How many messages are in the page at once, about; how many come in at a time; how many are asked for. */
const [MOST, STEP, PAGE] = [160, 40, 60];
/** How near to an end of what is in the page more is brought in, in pixels. */
const NEAR = 700;
/** For how long messages of the same author stand together. */
const TOGETHER = 5 * 60_000;

/** Where an element begins on the screen. @param {Element} node */
const top = (node) => node.getBoundingClientRect().top;

/** The messages of a conversation: a window on what is known of it, that never moves under who reads. */
export class Timeline {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.name = '';
    /** The first and the last message in the page. */
    this.first = 0;
    this.last = 0;
    /** What comes after this one is new. @type {number|null} */
    this.sep = null;
    /** The end is in sight, and is to stay so. */
    this.stick = true;
    /** @type {{id: number, flash: boolean}|null} */
    this.target = null;
    /** What is to stay where it is, and where. @type {{node: HTMLElement, top: number}|null} */
    this.anchor = null;
    this.setTop = -1;
    this.marked = 0;
    /** The end of the conversation is in the page. */
    this.atEnd = false;
    /** @type {any} */
    this.timer = undefined;
    /** What has happened in groups since the page is open, and after which message. @type {Map<string, {after: number, text: string}[]>} */
    this.notes = new Map();
    /** Messages that are answered, and cannot be had. @type {Set<number>} */
    this.missing = new Set();
    /** @type {Map<string, {node: HTMLElement, sig: unknown[]}>} */
    this.made = new Map();
    this.rows = el('div', { class: 'rows' });
    this.box = el('section', { class: 'scroll', 'aria-label': t('messages'), tabindex: -1 }, this.rows);
    this.jumper = iconButton('down', t('latest'), () => this.toEnd(), 'jump');
    this.jumper.hidden = true;
    // What can be done with messages is loaded once somebody gets near one.
    const near = (/** @type {Event} */ { target }) =>
      app.seldom(import('./toolbar.js'), ({ Toolbar }) => {
        if (!this.toolbar) (this.toolbar = new Toolbar(app, this.rows)).show(/** @type {Element} */ (target).closest('article'));
      });
    /** @type {import('./toolbar.js').Toolbar|undefined} */
    this.toolbar = undefined;
    for (const what of ['pointerover', 'focusin']) this.rows.addEventListener(what, near, { once: true });
    this.box.addEventListener('scroll', () => this.scrolled(), { passive: true });
    new ResizeObserver(() => this.restore()).observe(this.box);
  }

  get model() {
    return this.app.live.model;
  }

  /** @param {string} name @param {number} [around] */
  open(name, around) {
    this.name = name;
    this.first = this.last = this.marked = 0;
    this.sep = this.target = this.anchor = null;
    this.stick = true;
    this.made.clear();
    this.missing.clear();
    this.rows.replaceChildren();
    if (!name) return;
    if (around) return this.jump(around);
    const each = this.model.conversation(name);
    const { unread } = this.model.count(name);
    if (each && unread) {
      this.sep = each.read;
      if (unread > PAGE * 2) return this.jump(each.read + 1, false);
      this.target = { id: each.read + 1, flash: false };
    }
    const run = each?.run(each.order.at(-1) ?? 0);
    const from = unread ? (each?.read ?? 0) : OPEN;
    if (!each || !run || (run.older && (run.end - run.start < PAGE || each.order[run.start] > from))) {
      this.load({ what: 'newest', id: 0 }, Math.max(PAGE, unread + STEP));
    }
    this.render();
  }

  /** @param {Part} part */
  load(part, limit = PAGE) {
    this.model.load(this.name, part, limit);
    this.app.live.settle();
  }

  jump(id = 0, flash = true) {
    this.target = { id, flash };
    this.stick = false;
    const each = this.model.conversation(this.name);
    if (!each?.spans.of(id) || (flash && !each.messages.has(id))) this.load({ what: 'around', id });
    this.render();
  }

  toEnd() {
    const each = this.model.conversation(this.name);
    this.stick = true;
    this.first = this.last = 0;
    this.anchor = null;
    const run = each?.run(each.order.at(-1) ?? 0);
    if (run?.older && run.end - run.start < STEP) this.load({ what: 'newest', id: 0 });
    this.render();
  }

  /** @param {Update} update */
  loaded(update) {
    if (keyOf(update.name ?? '') !== keyOf(this.name)) return;
    if (update.part?.what === 'around') this.missing.add(update.part.id);
    if (update.what === 'failed') this.target = null;
  }

  /** @param {Conversation} each */
  window(each) {
    const { target } = this;
    const place = target && each.order[each.at(target.id)];
    const wanted = target && (each.messages.has(target.id) || each.spans.of(target.id)) ? (place ?? each.order.at(-1)) : undefined;
    const pivot = wanted ?? (this.stick || !this.first ? each.order.at(-1) : each.order[Math.min(each.at(this.first), each.order.length - 1)]);
    const run = each.run(pivot ?? 0);
    let [a, b] = [each.at(this.first), each.at(this.last + 1)];
    if (wanted !== undefined) {
      if (a > each.at(wanted) || b <= each.at(wanted) || !this.first) [a, b] = [each.at(wanted) - STEP, each.at(wanted) + STEP];
    } else if (this.stick || !this.first) {
      b = run.end;
      a = Math.max(this.first && a < b ? a : b - STEP, b - MOST);
    } else if (this.atEnd && b - a < MOST) b = run.end;
    return { run, a: Math.max(run.start, a), b: Math.min(run.end, Math.max(b, a + 1)) };
  }

  render() {
    const each = this.model.conversation(this.name);
    /** @type {Row[]} */
    let rows = [];
    const waits = this.target && this.model.isLoading(this.name);
    if (each && each.order.length && !waits) {
      const { run, a, b } = this.window(each);
      this.first = each.order[a];
      this.last = each.order[b - 1];
      this.atEnd = b === run.end && !run.newer;
      rows = this.list(each, run, a, b);
    } else {
      this.atEnd = true;
      if (waits || this.model.isLoading(this.name)) rows.push(this.note('wait', t('loading')));
      else if (this.name) rows.push(this.note('start', t('beginning', this.name)), ...this.happened());
    }
    if (this.atEnd && !waits) rows.push(...this.onTheirWay());
    this.place(rows);
    this.settle();
  }

  /** @param {Conversation} each @param {Run} run */
  list(each, run, a = 0, b = 0) {
    /** @type {Row[]} */
    const rows = [];
    if (a === run.start) rows.push(run.older ? this.note('wait', t('loading')) : this.note('start', t('beginning', each.name)));
    let before = a > run.start ? each.messages.get(each.order[a - 1]) : undefined;
    for (let at = a; at < b; at++) {
      const message = /** @type {Message} */ (each.messages.get(each.order[at]));
      let apart = !before || dayOf(before.time) !== dayOf(message.time);
      if (apart) rows.push(this.separator(`day ${dayOf(message.time)}`, 'day', dayName(message.time)));
      if (this.sep !== null && message.id > this.sep && (before?.id ?? 0) <= this.sep && (before || run.start === at)) {
        rows.push(this.separator('new', 'new', t('newMessages')));
        apart = true;
      }
      rows.push(this.message(message, apart ? undefined : before, each), ...this.happened(message.id));
      before = message;
    }
    return rows;
  }

  /** @param {Message} message @param {Message|undefined} before @param {Conversation|undefined} each @param {Entry|null} [entry] @returns {Row} */
  message(message, before, each, entry = null) {
    const { app } = this;
    const own = isFrom(message, app.me);
    const near = before && +new Date(message.time ?? 0) - +new Date(before.time ?? 0) < TOGETHER;
    const follows = Boolean(near && before && author(before) === author(message) && !message.reply && !message.notice && !before.notice && message.kind !== 'action');
    const answered = (message.reply && each?.messages.get(message.reply)) || null;
    if (message.reply && !answered) this.want(message.reply);
    const state = entry && entry.state !== 'posted' ? (entry.state === 'refused' ? 'failed' : 'sending') : message.pending ? 'pending' : isDelivered(message, each, app.me) ? 'delivered' : 'stored';
    const display = message.realm ? '' : app.profileName(message.from);
    // One that was on its way stays the same row once it is there.
    const key = own && message.ref ? `ref ${message.ref}` : `id ${message.id}`;
    const make = (/** @type {HTMLElement|null} */ old) => messageRow(app, old, { message, entry, follows, answered, state, display });
    return { key, sig: [message.ref && entry ? entry.state + entry.code : message, follows, answered, state, display, message.file && app.files], make };
  }

  want(id = 0) {
    if (this.missing.has(id) || this.missing.size > 500) return;
    this.missing.add(id);
    queueMicrotask(() => this.load({ what: 'around', id }, 1));
  }

  /** What waits for its place, and what was written here and is not posted yet. */
  onTheirWay() {
    const key = keyOf(this.name);
    const each = this.model.conversation(this.name);
    const entries = this.model.outbox.entries.filter((entry) => keyOf(entry.draft.conversation) === key && !(entry.id && each?.messages.has(entry.id)));
    let before = each?.last;
    return [...(each?.waits() ?? []), ...entries].map((one) => {
      const entry = 'draft' in one ? one : null;
      const message = entry ? toBe(entry, this.app.me) : /** @type {Message} */ (one);
      const row = this.message(message, before, each, entry);
      before = message;
      return row;
    });
  }

  /** @returns {Row[]} */
  happened(id = 0) {
    const all = this.notes.get(keyOf(this.name)) ?? [];
    return all.filter(({ after }) => after === id).map(({ text }, at) => this.note(`happened ${id} ${at}`, text));
  }

  /** @returns {Row} */
  separator(key = '', cls = '', label = '') {
    return { key, sig: [label], make: () => el('div', { class: `separator ${cls}`, role: 'separator', 'aria-label': label }, el('span', {}, label)) };
  }

  /** @returns {Row} */
  note(key = '', text = '') {
    return { key, sig: [text], make: () => el('p', { class: 'note' }, text) };
  }

  /** @param {Row[]} rows */
  place(rows) {
    const keys = new Set(rows.map((row) => row.key));
    for (const [key, { node }] of this.made) {
      if (keys.has(key)) continue;
      if (this.anchor?.node === node) this.moveAnchor();
      node.remove();
      this.made.delete(key);
    }
    let at = this.rows.firstChild;
    for (const { key, sig, make } of rows) {
      const old = this.made.get(key);
      let node = old?.node ?? null;
      if (!old || !node || sig.some((one, i) => one !== old.sig[i])) {
        const made = make(node);
        if (node && made !== node) {
          if (at === node) at = made;
          node.replaceWith(made);
        }
        node = made;
        this.made.set(key, { node, sig });
      }
      if (node === at) at = at.nextSibling;
      else this.rows.insertBefore(node, at);
    }
    // The Tab key reaches the newest, but for who is among the messages already.
    const held = this.rows.querySelector('article[tabindex="0"]');
    if (held && this.rows.contains(document.activeElement)) return;
    held?.setAttribute('tabindex', '-1');
    this.rows.querySelector('article:last-of-type')?.setAttribute('tabindex', '0');
  }

  moveAnchor() {
    const next = /** @type {HTMLElement|null} */ (this.anchor?.node.nextElementSibling);
    if (!this.anchor || !next) return;
    const by = top(next) - top(this.anchor.node);
    this.anchor = { node: next, top: this.anchor.top + by };
  }

  settle() {
    const { target } = this;
    if (target && !this.model.isLoading(this.name)) {
      this.target = null;
      const found = [...this.rows.querySelectorAll('article')].find((row) => Number(row.dataset.id) >= target.id);
      if (found) {
        this.stick = false;
        const above = found.previousElementSibling?.matches('.separator') ? 60 : 0;
        this.box.scrollTop += top(found) - top(this.box) - Math.max(above + 20, this.box.clientHeight / 4);
        this.setTop = this.box.scrollTop;
        this.note_();
        if (target.flash && Number(found.dataset.id) === target.id) this.flash(found);
      }
    }
    this.restore();
    this.grow();
    this.seen();
    this.jumper.hidden = this.atEnd && (this.stick || this.room() < 200);
  }

  /** @param {HTMLElement} row */
  flash(row) {
    row.classList.add('flash');
    row.tabIndex = 0;
    row.focus({ preventScroll: true });
    setTimeout(() => row.classList.remove('flash'), 2000);
  }

  room() {
    return this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight;
  }

  restore() {
    if (this.target) return;
    if (this.stick && this.atEnd) this.box.scrollTop = this.box.scrollHeight;
    else if (this.anchor?.node.isConnected) {
      const by = top(this.anchor.node) - top(this.box) - this.anchor.top;
      if (Math.abs(by) >= 0.5) this.box.scrollTop += by;
    }
    this.setTop = this.box.scrollTop;
  }

  scrolled() {
    // What was moved here is no move of the reader's.
    if (Math.abs(this.box.scrollTop - this.setTop) < 1) return;
    this.setTop = this.box.scrollTop;
    this.note_();
    this.grow();
    this.seen();
    this.jumper.hidden = this.atEnd && this.room() < 200;
  }

  note_() {
    this.stick = this.atEnd && this.room() < 30;
    const begin = top(this.box);
    const rows = /** @type {HTMLElement[]} */ ([...this.rows.children]);
    const seen = (/** @type {HTMLElement} */ row) => row.getBoundingClientRect().bottom > begin;
    let [low, high] = [0, rows.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (seen(rows[middle])) high = middle;
      else low = middle + 1;
    }
    // What says that more is coming goes once it has come.
    while (rows[low]?.matches('.note') && rows[low + 1]) low++;
    this.anchor = rows[low] ? { node: rows[low], top: top(rows[low]) - begin } : null;
  }

  grow() {
    const each = this.model.conversation(this.name);
    if (!each?.order.length || !this.first || this.target) return;
    const run = each.run(this.first);
    const most = Math.max(MOST, Math.ceil((this.box.clientHeight + 3 * NEAR) / 24));
    let [a, b] = [each.at(this.first), each.at(this.last + 1)];
    const [up, down] = [this.box.scrollTop < NEAR, this.room() < NEAR];
    if (up && a > run.start) {
      a = Math.max(run.start, a - STEP);
      if (!down) b = Math.min(b, a + most);
    } else if (down && b < run.end && !this.stick) {
      b = Math.min(run.end, b + STEP);
      if (!up) a = Math.max(a, b - most);
    } else {
      if (up && run.older) this.more({ what: 'before', id: each.order[run.start] });
      else if (down && run.newer && b === run.end) this.more({ what: 'after', id: each.order[run.end - 1] });
      return;
    }
    if (!this.anchor) this.note_();
    [this.first, this.last] = [each.order[a], each.order[b - 1]];
    if (b < run.end) this.stick = false;
    this.app.dirty();
  }

  /** @param {Part} part */
  more(part) {
    if (this.model.isLoading(this.name) || this.model.phase !== 'in-step') return;
    if (!this.anchor) this.note_();
    this.model.load(this.name, part, PAGE);
    queueMicrotask(() => this.app.live.settle());
  }

  seen() {
    const each = this.model.conversation(this.name);
    if (!each || !this.app.isLooking() || this.model.phase !== 'in-step' || this.target) return;
    const bottom = this.box.getBoundingClientRect().bottom + 4;
    let id = this.stick ? this.last : 0;
    if (!id) {
      const rows = this.rows.querySelectorAll('article');
      for (let at = rows.length - 1; at >= 0 && !id; at--) if (rows[at].getBoundingClientRect().bottom <= bottom) id = Number(rows[at].dataset.id) || 0;
    }
    if (id <= Math.max(each.read, this.marked)) return;
    this.marked = id;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const now = this.model.conversation(this.name);
      if (!now || now !== each || this.marked <= now.read) return;
      this.model.mark(now.name, this.marked, true);
      this.app.live.settle();
    }, 200);
  }

  arrived(id = 0) {
    const each = this.model.conversation(this.name);
    const message = each?.messages.get(id);
    if (!each || !message) return;
    if (isFrom(message, this.app.me)) {
      this.sep = null;
    } else if (!this.app.isLooking() && countsFor(message, this.app.me) && (this.sep === null || this.sep < each.read)) this.sep = each.read;
  }
}
