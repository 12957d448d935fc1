/** The end of a stretch that goes on as messages come. */
export const OPEN = Infinity;

/** Stretches of ids, each from its first up to and without its second: every message of the conversation whose id is in
 * one of them is known. In order, and none touches the next. */
export class Spans {
  constructor() {
    /** @type {[number, number][]} */
    this.list = [];
  }

  add(from = 0, to = 0) {
    if (from >= to) return;
    let [low, high] = [from, to];
    const rest = this.list.filter(([first, end]) => {
      const touches = first <= high && low <= end;
      if (touches) [low, high] = [Math.min(low, first), Math.max(high, end)];
      return !touches;
    });
    const at = rest.findIndex(([first]) => first >= low);
    rest.splice(at < 0 ? rest.length : at, 0, [low, high]);
    this.list = rest;
  }

  remove(from = 0, to = 0) {
    if (from >= to) return;
    this.list = this.list
      .flatMap(([first, end]) => /** @type {[number, number][]} */ ([[first, Math.min(end, from)], [Math.max(first, to), end]]))
      .filter(([first, end]) => first < end);
  }

  cover(from = 0, to = 0) {
    return from >= to || this.list.some(([first, end]) => first <= from && to <= end);
  }

  of(id = 0) {
    return this.list.find(([first, end]) => first <= id && id < end);
  }

  isOpen() {
    return this.list.at(-1)?.[1] === OPEN;
  }
}

/** Reads what is told of a file; null where it lacks what every file has. @param {any} told @returns {FileAbout|null} */
export function readFile(told) {
  const { sha256, name, type, size, width, height } = told ?? {};
  const isSize = (/** @type {any} */ size, least = 0) => Number.isSafeInteger(size) && size >= least;
  if (!/^[0-9a-f]{64}$/i.test(sha256) || typeof name !== 'string' || !isSize(size)) return null;
  const [w, h] = isSize(width, 1) && isSize(height, 1) ? [width, height] : [null, null];
  return { sha256, name, type: typeof type === 'string' ? type : '', size, width: w, height: h };
}

/** Reads one; null where it lacks what every message has. @param {any} told @returns {Message|null} */
export function readMessage(told) {
  if (!told || !Number.isSafeInteger(told.id) || typeof told.from !== 'string') return null;
  const text = (/** @type {string} */ key) => (typeof told[key] === 'string' ? /** @type {string} */ (told[key]) : null);
  const names = (/** @type {any} */ list) => (Array.isArray(list) ? list.filter((name) => typeof name === 'string') : []);
  return {
    id: told.id,
    time: text('time'),
    sent: text('sent'),
    from: told.from,
    text: text('message') ?? '',
    realm: text('realm'),
    to_realm: text('to_realm'),
    notice: text('notice'),
    kind: text('kind'),
    reply: Number.isSafeInteger(told.reply) ? told.reply : null,
    ref: text('ref'),
    edited: text('edited'),
    deleted: told.deleted === true,
    delivered: told.delivered === true,
    reactions: Object.entries(told.reactions ?? {}).map(([emoji, by]) => [emoji, names(by)]),
    file: readFile(told.file),
    lost: !!told.lost,
    pending: told.pending === true,
  };
}

/** Whether this user of this realm wrote it. @param {Message} message */
export function isFrom(message, user = '') {
  return message.realm === null && message.notice === null && same(message.from, user);
}

/** Whether this user wrote it and it is on disk at the realm that it went to. @param {Message} message @param {Conversation|undefined} each */
export function isDelivered(message, each, user = '') {
  return message.delivered || (message.to_realm !== null && isFrom(message, user) && message.id <= (each?.delivered ?? 0));
}

/** Whether it counts as unread for this user, where it is not read. @param {Message} message */
export function countsFor(message, user = '') {
  return !message.deleted && message.notice === null && !isFrom(message, user);
}

/** Whether it is a later form of the same message, as far as that can be told. @param {Message} one @param {Message} other */
export function isLater(one, other) {
  if (one.deleted !== other.deleted) return one.deleted;
  return (one.edited ?? '') > (other.edited ?? '');
}

const MENTION = /(?<![\p{Alphabetic}\p{N}_@])@([A-Za-z0-9._-]{1,128})(?:@([A-Za-z0-9._-]{1,128}))?(?![A-Za-z0-9._@\p{Alphabetic}\p{N}-])/gu;

/** Where a text calls somebody by `@name` or `@name@realm`, as the realm counts it. */
export function mentions(text = '') {
  return [...text.matchAll(MENTION)].slice(0, 32);
}

/** Whether a text calls this user of the realm `here`. */
export function isMentioned(text = '', user = '', here = '') {
  return text.includes('@') && mentions(text).some(([, word, realm]) => isNamed(word, user) && (!realm || isNamed(realm, here)));
}

/** Signs at the end of a word may belong to the sentence. */
function isNamed(word = '', user = '') {
  return same(word.slice(0, user.length), user) && /^[._-]*$/.test(word.slice(user.length));
}

/** Names are the same in any case. */
export function same(a = '', b = '') {
  return keyOf(a) === keyOf(b);
}

/** Under which a name is found: only ASCII letters have a case here. */
export function keyOf(name = '') {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** How many messages that changed while a page was on its way are remembered, until it is here. */
const MOST_CHANGED = 256;

/** One conversation, as far as it is known. */
export class Conversation {
  constructor(name = '', here = '') {
    this.name = name;
    this.here = here;
    /** @type {Map<number, Message>} */
    this.messages = new Map();
    /** @type {number[]} */
    this.order = [];
    /** Those that wait for their place in a group of another realm: they come after all others. @type {Set<number>} */
    this.waiting = new Set();
    this.spans = new Spans();
    this.streamed = 0;
    this.read = 0;
    /** @type {Count|null} */
    this.base = null;
    this.counted = 0;
    /** @type {number|null} */
    this.members = null;
    /** @type {string|null} */
    this.role = null;
    /** @type {string|null} */
    this.topic = null;
    this.muted = false;
    this.blocked = false;
    this.delivered = 0;
    this.asked = 0;
    /** What changed while replies are on their way; null for what does not wait any more. @type {Map<number, Message|null>} */
    this.changed = new Map();
    this.touched = false;
    this.ahead = false;
    this.joining = false;
    this.bytes = 0;
  }

  get isGroup() {
    return this.name.startsWith('#');
  }

  /** @returns {Message|undefined} */
  get last() {
    return this.messages.get(this.order.at(-1) ?? 0);
  }

  /** What waits for its place, in order. */
  waits() {
    return /** @type {Message[]} */ ([...this.waiting].sort((a, b) => a - b).map((id) => this.messages.get(id)));
  }

  at(id = 0) {
    let [low, high] = [0, this.order.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.order[middle] < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  run(id = 0) {
    const [from, to] = this.spans.of(id) ?? [id, id + 1];
    return { start: this.at(from), end: this.at(to), older: from > 0, newer: to !== OPEN };
  }

  /** @returns {Count} */
  count(me = '', upto = OPEN) {
    const base = this.isKnownFrom(this.read) ? null : this.base;
    const more = this.countAfter(base ? Math.max(this.counted, this.read) : this.read, upto, me);
    return base ? { unread: base.unread + more.unread, mentions: base.mentions + more.mentions } : more;
  }

  isCounted() {
    return this.base !== null || this.isKnownFrom(this.read);
  }

  isKnownFrom(id = 0) {
    return this.spans.cover(id + 1, OPEN);
  }

  /** @returns {Count} */
  countAfter(after = 0, upto = 0, me = '') {
    const count = { unread: 0, mentions: 0 };
    for (let at = this.at(after + 1); at < this.order.length && this.order[at] <= upto; at++) {
      const message = /** @type {Message} */ (this.messages.get(this.order[at]));
      if (!countsFor(message, me)) continue;
      count.unread++;
      if (this.isGroup && isMentioned(message.text, me, this.here)) count.mentions++;
    }
    return count;
  }

  /** @param {any} told */
  takeOverview(told) {
    const last = told.last ? readMessage(told.last) : null;
    if (typeof told.conv === 'string') this.name = told.conv;
    this.read = told.read ?? 0;
    this.base = { unread: told.unread ?? 0, mentions: told.mentions ?? 0 };
    this.counted = last?.id ?? 0;
    // Whatever comes after the last message is told as a change.
    this.spans.add(this.counted, OPEN);
    if (last) this.takePaged(last);
    this.members = told.members ?? null;
    this.role = told.role ?? null;
    this.topic = told.topic ?? null;
    this.muted = told.muted === true;
    this.blocked = told.blocked === true;
    this.ahead = this.joining = false;
  }

  /** @param {Message} message */
  takePaged(message) {
    const changed = this.changed.get(message.id);
    if (changed !== null) this.put(changed && !isLater(message, changed) ? changed : message);
  }

  /** @param {Message} message */
  takeNew(message, me = '') {
    const id = message.id;
    if (message.pending) {
      this.takePaged(message);
      return { isNew: true, uncounted: false };
    }
    if (id <= this.streamed) return { isNew: false, uncounted: false };
    const uncounted = this.mayBeCounted(message, me);
    if (!this.spans.isOpen()) this.spans.add(id, OPEN);
    // Changes leave nothing out.
    else this.spans.add(this.streamed || id, id + 1);
    this.streamed = id;
    if (isFrom(message, me) && id > this.read) this.setRead(id);
    this.noteChanged(id, message);
    this.put(message);
    return { isNew: true, uncounted };
  }

  takePlaced(was = 0) {
    this.noteChanged(was, null);
    if (this.waiting.delete(was)) this.drop(was);
  }

  /** Whether a message that is deleted was counted as unread, perhaps: among those that the realm has counted, it may or may
   * not have been left out already.
   * @param {Message} message */
  mayBeCounted(message, me = '') {
    const known = this.messages.get(message.id);
    const counts = (!known || countsFor(known, me)) && !isFrom(message, me);
    const isIn = message.id > this.read && message.id <= this.counted;
    return message.deleted && counts && isIn && !this.isKnownFrom(this.read);
  }

  /** @param {Message} message */
  takeChanged(message, me = '') {
    const known = this.messages.get(message.id);
    if (known && JSON.stringify(known) === JSON.stringify(message)) return { changed: false, uncounted: false };
    const uncounted = this.mayBeCounted(message, me);
    // What was not loaded is shown as it is now once it is.
    this.noteChanged(message.id, message);
    if (known) this.put(message);
    return { changed: known !== undefined, uncounted };
  }

  /** @param {number} id @param {Message|null} message */
  noteChanged(id, message) {
    if (!this.asked) return;
    this.changed.set(id, message);
    if (this.changed.size > MOST_CHANGED) this.changed.delete(Math.min(...this.changed.keys()));
  }

  settle() {
    this.asked = Math.max(0, this.asked - 1);
    if (!this.asked) this.changed.clear();
  }

  /** @param {Message} message */
  put(message) {
    const before = this.messages.get(message.id);
    this.bytes += size(message) - (before ? size(before) : 0);
    this.messages.set(message.id, message);
    if (message.pending) return void this.waiting.add(message.id);
    // Whoever wrote it is shown it once, also before it is told that it waits no more.
    for (const was of message.ref ? this.waiting : []) if (this.messages.get(was)?.ref === message.ref) this.takePlaced(was);
    if (!before) this.order.splice(this.at(message.id), 0, message.id);
  }

  setRead(id = 0) {
    if (id === this.read) return;
    this.read = id;
    this.base = null;
    this.touched = true;
  }

  trim(most = 0, near = 0, me = '') {
    most = Math.max(1, most);
    for (const { id } of this.waits()) if (this.waiting.size > most) this.takePlaced(id);
    if (this.order.length <= most) return;
    const upto = Math.max(this.counted, this.streamed);
    if (this.isCounted()) this.base = this.count(me, upto);
    this.counted = upto;
    let older = this.at(near);
    while (this.order.length > most) {
      const newer = this.order.length - older;
      if (older >= newer || newer <= 1) {
        const id = /** @type {number} */ (this.order.shift());
        older = Math.max(0, older - 1);
        this.drop(id);
        this.spans.remove(0, id + 1);
      } else {
        const [id] = this.order.splice(-2, 1);
        this.drop(id);
        this.spans.remove(id, this.order.at(-1) ?? OPEN);
      }
    }
  }

  drop(id = 0) {
    const gone = this.messages.get(id);
    if (gone) this.bytes -= size(gone);
    this.messages.delete(id);
  }
}

/** About how many bytes of memory it takes. @param {Message} message */
const size = (message) => 400 + 2 * message.text.length + (message.file ? 400 : 0) + 60 * message.reactions.reduce((sum, [, by]) => sum + by.length, 0);

/** The request that posts a draft; null where a part of it cannot be sent. @param {Draft} draft */
export function postLine({ conversation, ref, text, reply, kind, file }) {
  const words = [conversation, `ref=${ref}`];
  if (reply) words.push(`reply=${reply}`);
  if (kind) words.push(`kind=${kind}`);
  if (file) words.push(`file=${file.sha256}`);
  // A file says enough by itself.
  return lineOf('POST', [...words, ':'], file && !text.trim() ? undefined : text);
}

/** A line of words, and a text as its rest; null where one of them would be another request. @param {string} verb @param {(string|number)[]} words @param {string} [text] */
export function lineOf(verb, words, text) {
  const all = [verb, ...words.map(String)];
  if (all.some((word) => !word || /[\s\u0000-\u001f\u007f-\u009f]/.test(word))) return null;
  if (text === undefined) return all.join(' ');
  const rest = text.replace(/\r\n|\r|\n/g, '\u2028');
  return /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/.test(rest) ? null : `${all.join(' ')} ${rest}`;
}

/** Messages that the user has written and that are not known to be posted yet, in the order in which they were written. */
export class Outbox {
  constructor() {
    /** @type {Entry[]} */
    this.entries = [];
  }

  /** @param {Draft} draft */
  add(draft, most = 0) {
    if (!postLine(draft) || this.get(draft.ref) || this.entries.length >= most) return false;
    this.entries.push({ draft, state: 'waiting', id: 0, code: '', held: false });
    return true;
  }

  /** @param {string|null} ref */
  get(ref) {
    return this.entries.find((entry) => entry.draft.ref === ref);
  }

  unsettled() {
    return this.entries.filter(isUnsettled).length;
  }

  next() {
    const entry = this.entries.find((one, at) => {
      const to = keyOf(one.draft.conversation);
      const before = this.entries.slice(0, at).filter(isUnsettled);
      return one.state === 'waiting' && !one.held && before.every((other) => keyOf(other.draft.conversation) !== to);
    });
    if (entry) entry.state = 'asked';
    return entry?.draft;
  }

  lost() {
    for (const entry of this.entries) {
      entry.held = false;
      if (entry.state === 'asked') entry.state = 'waiting';
    }
  }

  retry() {
    for (const entry of this.entries) entry.held = false;
  }

  /** @param {string} ref @param {Partial<Entry>} state */
  set(ref, state) {
    const entry = this.get(ref);
    if (entry) Object.assign(entry, state);
  }

  again(ref = '') {
    const entry = this.get(ref);
    if (entry?.state !== 'refused') return false;
    entry.state = 'waiting';
    return true;
  }

  discard(ref = '') {
    const entry = this.get(ref);
    if (!entry || entry.state === 'asked') return null;
    this.settle(ref);
    return entry.draft;
  }

  settle(ref = '') {
    this.entries = this.entries.filter((entry) => entry.draft.ref !== ref);
  }

  ofId(id = 0) {
    return this.entries.find((entry) => entry.state === 'posted' && entry.id === id)?.draft.ref;
  }

  isHeld() {
    return this.entries.some((entry) => entry.held);
  }
}

/** @param {Entry} entry */
const isUnsettled = (entry) => entry.state === 'waiting' || entry.state === 'asked';
