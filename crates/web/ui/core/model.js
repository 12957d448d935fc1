import { Conversation, isFrom, keyOf, lineOf, OPEN, Outbox, postLine, readMessage, same } from './conversation.js';

/** Requests that are on their way at once, at most. */
const AT_ONCE = 16;
/** How many changes, and how many conversations, are asked for at once. */
const PAGE = 500;
/** What of the user's may wait to be asked. */
const MOST_WANTED = 1000;
/** How much of a group is loaded when the user joins it. */
const FIRST_LOOK = 50;
/** The key of the conversation that a request is about. @param {Ask} ask */
const about = (ask) => ('key' in ask ? ask.key : 'name' in ask ? keyOf(ask.name) : '');
/** Whether messages come of it. @param {Ask} ask */
const isPage = (ask) => ask.ask === 'one' || ask.ask === 'history';
const STEPS = ['now', 'list', 'changes', 'watch'];

/**
 * What a user sees, kept in step with a realm. It does no I/O: it says what to ask (`nextRequest`), is told what the server
 * answers and what happens (`answered`, `event`), and holds what comes of it. `tests/sync/` says what a model does.
 */
export class Model {
  /** @param {string} me @param {{messages?: number, conversations?: number, bytes?: number, outbox?: number}} [limits] */
  constructor(me, limits) {
    this.me = me;
    /** The realm's name. */
    this.realm = '';
    this.limits = { messages: 2000, conversations: 10000, bytes: 64 << 20, outbox: 1000, ...limits };
    this.polls = false;
    /** @type {Phase} */
    this.phase = 'offline';
    /** @type {string|null} */
    this.place = null;
    this.listed = false;
    this.watching = false;
    /** @type {Map<string, Conversation>} */
    this.all = new Map();
    this.bytes = 0;
    this.outbox = new Outbox();
    /** @type {Ask[]} */
    this.wanted = [];
    /** @type {Set<string>} */
    this.stale = new Set();
    /** @type {Ask[]} */
    this.asked = [];
    /** @type {Update[]} */
    this.updates = [];
    /** @type {Conversation[]|null} */
    this.sorted = null;
  }

  fromCursor(cursor = '') {
    this.listed = /^[!-~]+$/.test(cursor);
    this.place = this.listed ? cursor : null;
    return this;
  }

  get cursor() {
    return this.listed ? this.place : null;
  }

  conversations() {
    const latest = (/** @type {Conversation} */ each) => each.order.at(-1) ?? 0;
    this.sorted ??= [...this.all.values()].sort((a, b) => latest(b) - latest(a) || (keyOf(a.name) < keyOf(b.name) ? -1 : 1));
    return this.sorted;
  }

  conversation(name = '') {
    return this.all.get(keyOf(name));
  }

  count(name = '') {
    return this.conversation(name)?.count(this.me) ?? { unread: 0, mentions: 0 };
  }

  takeUpdates() {
    return this.updates.splice(0);
  }

  /** @param {{polls?: boolean}} [how] */
  connected(how) {
    this.disconnected();
    this.polls = how?.polls ?? false;
    this.begin();
  }

  disconnected() {
    this.watching = false;
    this.outbox.lost();
    this.wanted = this.wanted.filter((ask) => !STEPS.includes(ask.ask));
    for (const ask of this.asked.splice(0).reverse()) {
      if ('key' in ask) {
        if (this.all.has(ask.key)) this.stale.add(ask.key);
      } else if (ask.ask === 'history' || ask.ask === 'mark') this.wanted.unshift(ask);
    }
    for (const each of this.all.values()) while (each.asked) each.settle();
    this.phase = 'offline';
  }

  retry() {
    this.outbox.retry();
    if (this.phase === 'waiting') this.begin();
  }

  needsRetry() {
    return this.phase === 'waiting' || this.outbox.isHeld();
  }

  poll() {
    if (this.phase !== 'in-step' || !this.polls) return;
    this.phase = 'catching-up';
    this.wanted.unshift({ ask: 'changes' });
  }

  /** @param {Draft} draft */
  post(draft) {
    return this.outbox.add(draft, this.limits.outbox);
  }

  /** @param {string} name @param {Part} part */
  load(name, part, limit = 0) {
    this.want({ ask: 'history', name, part, limit: Math.min(1000, Math.max(1, limit)) });
  }

  isLoading(name = '') {
    return [...this.wanted, ...this.asked].some((ask) => ask.ask === 'history' && same(ask.name, name));
  }

  /** @param {string} name @param {number} id @param {boolean} read */
  mark(name, id, read) {
    this.want({ ask: 'mark', name, id, read });
  }

  /** @returns {string|null} */
  nextRequest() {
    while (['listing', 'catching-up', 'in-step'].includes(this.phase) && this.asked.length < AT_ONCE) {
      const ask = this.nextAsk();
      if (!ask) return null;
      const line = this.lineOf(ask);
      // What cannot be a line is none of a realm's names.
      if (!line) continue;
      this.asked.push(ask);
      return line;
    }
    return null;
  }

  /** @returns {Ask|null} */
  nextAsk() {
    // Who answers what is told is not told more than can be answered.
    const crowded = this.outbox.unsettled() > this.limits.outbox / 2 && !this.outbox.isHeld();
    const first = this.wanted[0]?.ask;
    if (STEPS.includes(first) && !(first === 'changes' && crowded)) return this.wanted.shift() ?? null;
    const inStep = this.phase === 'in-step';
    const draft = inStep || crowded ? this.outbox.next() : undefined;
    if (draft) return { ask: 'post', ref: draft.ref };
    if (!inStep) return null;
    if (this.wanted.length) return this.wanted.shift() ?? null;
    const key = [...this.stale].sort()[0];
    if (key === undefined) return null;
    this.stale.delete(key);
    const last = this.all.get(key)?.last;
    return last ? { ask: 'one', key, before: last.id + 1 } : { ask: 'members', key };
  }

  /** @param {Ask} ask */
  lineOf(ask) {
    const each = this.all.get(about(ask));
    if (each && isPage(ask)) each.asked++;
    if (each && 'key' in ask) each.touched = false;
    switch (ask.ask) {
      case 'now':
        return 'SYNC';
      case 'list':
        return ask.before === null ? `CONVERSATIONS limit=${PAGE}` : `CONVERSATIONS before=${ask.before} limit=${PAGE}`;
      case 'changes':
        // No more than can be answered, should all of it be.
        return `SYNC after=${this.place} limit=${Math.max(1, Math.min(PAGE, this.limits.outbox >> 1))}`;
      case 'watch':
        return `WATCH after=${this.place}`;
      case 'one':
        return `CONVERSATIONS before=${ask.before} limit=1`;
      case 'members':
        return lineOf('MEMBERS', [ask.key]);
      case 'history': {
        const { what, id } = ask.part;
        return lineOf('HISTORY', [ask.name, ...(what === 'newest' ? [] : [`${what}=${id}`]), `limit=${ask.limit}`]);
      }
      case 'mark':
        return lineOf(ask.read ? 'READ' : 'UNREAD', [ask.name, ask.id]);
      case 'post': {
        const entry = this.outbox.get(ask.ref);
        return entry ? postLine(entry.draft) : null;
      }
      case 'past':
        return null;
    }
  }

  /** @param {any} reply */
  answered(reply) {
    const ask = this.asked.shift();
    if (!ask) return;
    this.take(ask, reply);
    // Only once it is taken is what changed meanwhile let go of.
    if (isPage(ask)) this.with(about(ask), (each) => each.settle());
  }

  /** @param {Ask} ask @param {any} reply */
  take(ask, reply) {
    const ok = reply.status === 'OK';
    if (reply.code === 'no_session') {
      if (ask.ask === 'post') this.outbox.set(ask.ref, { state: 'waiting', held: true });
      return this.cannotGoOn('no_session');
    }
    if (ask.ask === 'past') return;
    // Nothing can be told any more, or not now.
    if ((ask.ask === 'now' || ask.ask === 'list') && this.phase !== 'listing') return;
    if ((ask.ask === 'changes' || ask.ask === 'watch') && !this.listed) return;
    if (STEPS.includes(ask.ask) && !ok) return this.cannotGoOn(reply.code ?? '');
    switch (ask.ask) {
      case 'now':
        this.place = reply.cursor ?? null;
        this.wanted.unshift({ ask: 'list', before: null });
        return;
      case 'list':
        return this.takeList(reply);
      case 'changes':
        return this.takeChanges(reply);
      case 'watch':
        this.watching = true;
        return;
      case 'one':
        return this.takeOne(ask.key, ask.before, reply);
      case 'members':
        return this.takeMembers(ask.key, reply);
      case 'history':
        return this.takeHistory(ask.name, ask.part, reply);
      case 'mark':
        if (ok && typeof reply.read === 'number') return this.toldRead(ask.name, reply.read);
        this.updates.push({ what: 'failed', name: ask.name, code: reply.code });
        return;
      case 'post':
        return this.takePosted(ask.ref, reply);
    }
  }

  /** @param {any} reply */
  takeList(reply) {
    if (!Array.isArray(reply.data)) return this.cannotGoOn('');
    let before = null;
    for (const told of reply.data) {
      if (typeof told.conv !== 'string') continue;
      const key = this.make(told.conv);
      this.with(key, (each) => each.takeOverview(told));
      before = this.all.get(key)?.last?.id ?? before;
      this.trim(key, OPEN);
    }
    if (reply.more === true && before !== null && this.all.size < this.limits.conversations) {
      this.wanted.unshift({ ask: 'list', before });
      return;
    }
    this.listed = true;
    // What was posted before is in the list.
    this.forgetPosted();
    this.goOn();
  }

  goOn() {
    this.phase = 'in-step';
    this.updates.push({ what: 'in-step' });
    if (!this.polls) this.wanted.unshift({ ask: 'watch' });
  }

  /** @param {any} reply */
  takeChanges(reply) {
    if (!Array.isArray(reply.data)) return this.cannotGoOn('');
    for (const told of reply.data) {
      this.change(told.change, told);
      // It has begun anew.
      if (!this.listed) return;
    }
    if (typeof reply.cursor === 'string') this.place = reply.cursor;
    if (reply.more === true) this.wanted.unshift({ ask: 'changes' });
    else this.goOn();
  }

  /** @param {string} key @param {number} before @param {any} reply */
  takeOne(key, before, reply) {
    const told = reply.data?.[0];
    const each = this.all.get(key);
    if (typeof told?.conv === 'string' && keyOf(told.conv) === key) {
      if (!each) return;
      const touched = each.touched;
      each.touched = false;
      this.with(key, () => each.takeOverview(told));
      if (touched) this.lookAt(key);
      this.updates.push({ what: 'conversation', name: each.name });
    } else if ((each?.last?.id ?? -1) >= before) this.lookAt(key);
    // A later message is in it, which will be told; or the realm could not answer.
    else if (each) each.ahead = true;
  }

  /** @param {string} key @param {any} reply */
  takeMembers(key, reply) {
    const each = this.all.get(key);
    if (reply.status !== 'OK' || !each) return;
    const isMe = (/** @type {any} */ name) => typeof name === 'string' && same(name, this.me);
    each.members = (reply.data ?? []).length;
    each.role = isMe(reply.owner) ? 'owner' : (reply.moderators ?? []).some(isMe) ? 'moderator' : 'member';
    if (each.touched) this.lookAt(key);
    each.touched = false;
    this.updates.push({ what: 'conversation', name: each.name });
  }

  /** @param {string} name @param {Part} part @param {any} reply */
  takeHistory(name, part, reply) {
    if (reply.status !== 'OK' || !Array.isArray(reply.data)) {
      this.updates.push({ what: 'failed', name, code: reply.code, part });
      return;
    }
    const messages = reply.data.map(readMessage).filter((/** @type {Message|null} */ message) => message !== null);
    // A group that is not known was left meanwhile.
    if (!this.conversation(name) && !name.startsWith('#') && messages.length) this.make(name);
    const each = this.conversation(name);
    const known = each && each.isCounted() && each.spans.isOpen();
    // What waits for its place stands at the end, and is no part of the stretch.
    const placed = messages.filter((/** @type {Message} */ message) => !message.pending);
    const [first, last] = [placed[0]?.id, placed.at(-1)?.id];
    const oldest = reply.more === true ? (first ?? OPEN) : 0;
    const pastLast = last === undefined ? 0 : last + 1;
    // Whatever comes after the newest is told as a change.
    const [from, to, near] = {
      newest: [oldest, OPEN, OPEN],
      before: [oldest, part.id, first ?? part.id],
      after: [part.id + 1, reply.more === true ? pastLast : OPEN, last ?? part.id],
      around: [oldest, reply.newer === true ? pastLast : OPEN, first ?? part.id],
    }[part.what];
    const key = keyOf(name);
    let joining = false;
    this.with(key, (each) => {
      for (const message of messages) each.takePaged(message);
      each.spans.add(from, to);
      joining = each.joining;
      each.joining = false;
      if (joining) each.setRead(Math.max(last ?? 0, each.read));
    });
    if (!known || joining) this.lookAt(key);
    this.trim(key, near);
    this.updates.push({ what: 'loaded', name, part, more: reply.more === true, count: messages.length });
  }

  /** @param {string} ref @param {any} reply */
  takePosted(ref, reply) {
    const code = reply.code ?? '';
    if (reply.status === 'OK' && typeof reply.id === 'number') {
      const { id } = reply;
      // Its message was told first.
      if (!this.outbox.get(ref)) return;
      const known = this.conversation(reply.conv ?? '')?.messages.has(id);
      // One that was posted before may have been told before, too.
      if (known || reply.again === true || this.polls || this.phase === 'catching-up') this.settled(ref);
      else this.outbox.set(ref, { state: 'posted', id });
      this.updates.push({ what: 'posted', ref, id });
    } else if (['unavailable', 'unknown', 'rate_limited'].includes(code)) {
      // Not done, or perhaps done: under its reference it is done once.
      this.outbox.set(ref, { state: 'waiting', held: true });
      this.updates.push({ what: 'held', ref, code });
    } else {
      this.outbox.set(ref, { state: 'refused', code });
      this.updates.push({ what: 'refused', ref, code });
    }
  }

  /** @param {any} event */
  event(event) {
    // A watch that was left behind when everything was let go of may tell on for a while.
    if (!this.watching) return;
    if (event.event === 'ended') return this.cannotGoOn(event.code ?? '');
    if (typeof event.cursor !== 'string') return;
    this.change(event.event, event);
    // The change may have made it begin anew.
    if (this.listed) this.place = event.cursor;
  }

  cannotGoOn(code = '') {
    this.watching = false;
    if (code === 'resync') return this.reset();
    this.phase = code === 'no_session' ? 'logged-out' : 'waiting';
    if (code === 'no_session') this.updates.push({ what: 'logged-out' });
  }

  /** @param {string} kind @param {any} told */
  change(kind, told) {
    // Whose messages are shown has changed, and what counts as unread.
    if (kind === 'blocked') return this.reset();
    const name = told.conv;
    if (typeof name !== 'string') return;
    switch (kind) {
      case 'message':
        return this.toldMessage(name, told);
      case 'placed':
        // It may have its place, or be refused, before it could be told that it waits.
        this.settled(this.outbox.ofId(told.was));
        return this.set(name, (each) => each.takePlaced(told.was));
      case 'edited':
      case 'deleted':
      case 'reactions':
      case 'lost':
        return this.toldChanged(name, told);
      case 'read':
        return typeof told.read === 'number' ? this.toldRead(name, told.read) : undefined;
      case 'joined':
      case 'left':
      case 'kicked':
      case 'banned':
      case 'role':
      case 'silenced':
        return this.toldMember(name, kind, told);
      case 'closed':
        return this.leave(name);
      case 'topic':
        return this.set(name, (each) => (each.topic = told.topic || null));
      case 'muted':
        return this.set(name, (each) => (each.muted = told.muted !== false));
      case 'delivered':
        return this.set(name, (each) => (each.delivered = Math.max(each.delivered, told.id ?? 0)));
      case 'group':
        this.lookAt(keyOf(name));
    }
  }

  /** @param {string} name @param {(each: Conversation) => void} act */
  set(name, act) {
    if (this.with(keyOf(name), act)) this.updates.push({ what: 'conversation', name });
  }

  /** @param {string} name @param {any} told */
  toldMessage(name, told) {
    const message = readMessage(told);
    if (!message) return;
    const unknown = !this.conversation(name);
    const key = this.make(name);
    let taken = { isNew: false, uncounted: false };
    this.with(key, (each) => (taken = each.takeNew(message, this.me)));
    const ref = (isFrom(message, this.me) ? message.ref : null) ?? this.outbox.ofId(message.id);
    if (ref) {
      const entry = this.outbox.get(ref);
      this.settled(ref);
      if (entry && entry.state !== 'posted') this.updates.push({ what: 'posted', ref, id: message.id });
    }
    const each = this.all.get(key);
    // Where it is asked for already, what is told meanwhile is counted on top.
    const uncounted = unknown || (each && (!each.isCounted() || each.ahead));
    if (taken.uncounted || (uncounted && !this.isLookingAt(key))) this.lookAt(key);
    this.trim(key, message.id);
    if (taken.isNew) this.updates.push({ what: 'message', name, id: message.id });
  }

  /** @param {string} name @param {any} told */
  toldChanged(name, told) {
    const message = readMessage(told);
    if (!message) return;
    let taken = { changed: false, uncounted: false };
    this.with(keyOf(name), (each) => (taken = each.takeChanged(message, this.me)));
    if (taken.uncounted) this.lookAt(keyOf(name));
    if (taken.changed) this.updates.push({ what: 'changed', name, id: message.id });
  }

  toldRead(name = '', id = 0) {
    const each = this.conversation(name);
    if (!each) return;
    each.setRead(id);
    this.updates.push({ what: 'conversation', name });
    if (!each.isCounted()) this.lookAt(keyOf(name));
  }

  /** @param {string} name @param {string} kind @param {any} told */
  toldMember(name, kind, told) {
    const { user = '', by = '' } = told;
    const isMe = same(user, this.me);
    const known = this.conversation(name) !== undefined;
    if (isMe && ['left', 'kicked', 'banned'].includes(kind)) this.leave(name);
    else if (isMe && kind === 'joined' && !known) {
      this.with(this.make(name), (each) => (each.joining = true));
      this.load(name, { what: 'newest', id: 0 }, FIRST_LOOK);
    } else if (isMe && kind === 'role') this.set(name, (each) => (each.role = told.role ?? null));
    // How many there are then cannot be told from the change, which may be an old one. A ban need not have been of a member.
    else if (kind !== 'role' && kind !== 'silenced') this.lookAt(keyOf(name));
    if (known || isMe) this.updates.push({ what: 'member', name, kind, user, by });
  }

  leave(name = '') {
    const group = keyOf(name);
    for (const key of [...this.all.keys()].filter((key) => key === group || key.startsWith(`${group}+`))) {
      this.outdate((ask) => ask.ask !== 'mark' && about(ask) === key);
      const gone = this.drop(key);
      if (gone) this.updates.push({ what: 'gone', name: gone.name });
    }
  }

  settled(ref = '') {
    if (!this.outbox.get(ref)) return;
    this.outbox.settle(ref);
    this.updates.push({ what: 'settled', ref });
  }

  forgetPosted() {
    for (const entry of this.outbox.entries) if (entry.state === 'posted') this.settled(entry.draft.ref);
  }

  begin() {
    if (!this.cursor) return this.reset();
    this.phase = 'catching-up';
    this.wanted.unshift({ ask: 'changes' });
  }

  reset() {
    if (this.all.size) this.updates.push({ what: 'reset' });
    this.all.clear();
    this.stale.clear();
    this.sorted = null;
    this.bytes = 0;
    this.place = null;
    this.listed = this.watching = false;
    this.forgetPosted();
    this.wanted = this.wanted.filter((ask) => ask.ask === 'mark');
    this.outdate((ask) => ask.ask !== 'mark' && ask.ask !== 'post');
    this.wanted.unshift({ ask: 'now' });
    this.phase = 'listing';
  }

  /** @param {(ask: Ask) => boolean} isOutdated */
  outdate(isOutdated) {
    this.asked = this.asked.map((ask) => (isOutdated(ask) ? { ask: 'past' } : ask));
  }

  /** @param {Ask} ask */
  want(ask) {
    const text = JSON.stringify(ask);
    if (this.wanted.length < MOST_WANTED && !this.wanted.some((one) => JSON.stringify(one) === text)) this.wanted.push(ask);
  }

  lookAt(key = '') {
    const each = this.all.get(key);
    if (!each) return;
    if (this.isLookingAt(key)) each.touched = true;
    else this.stale.add(key);
  }

  isLookingAt(key = '') {
    return this.asked.some((ask) => 'key' in ask && ask.key === key);
  }

  /** @param {string} key @param {(each: Conversation) => void} act */
  with(key, act) {
    const each = this.all.get(key);
    if (!each) return false;
    const before = each.bytes;
    act(each);
    this.bytes += each.bytes - before;
    this.sorted = null;
    return true;
  }

  make(name = '') {
    const key = keyOf(name);
    if (!this.all.has(key)) this.all.set(key, new Conversation(name, this.realm));
    this.sorted = null;
    return key;
  }

  drop(key = '') {
    const gone = this.all.get(key);
    this.stale.delete(key);
    this.all.delete(key);
    this.sorted = null;
    this.bytes -= gone?.bytes ?? 0;
    return gone;
  }

  trim(key = '', near = 0) {
    this.with(key, (each) => each.trim(this.limits.messages, near, this.me));
    if (this.all.size <= this.limits.conversations && this.bytes <= this.limits.bytes) return;
    const byAge = this.conversations().map((each) => keyOf(each.name)).reverse();
    if (this.all.size > this.limits.conversations && byAge[0] !== key) this.drop(byAge[0]);
    if (this.bytes <= this.limits.bytes) return;
    for (const old of byAge) {
      this.with(old, (each) => each.trim(1, OPEN, this.me));
      if (this.bytes <= this.limits.bytes - (this.limits.bytes >> 3)) break;
    }
  }
}
