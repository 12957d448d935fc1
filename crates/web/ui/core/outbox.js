import { keyOf } from './conversation.js';

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
