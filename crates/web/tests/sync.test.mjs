// The files of tests/sync, which say what a model does, played by the browser's model.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isDelivered } from '../ui/core/conversation.js';
import { Model } from '../ui/core/model.js';

const folder = new URL('../../../tests/sync/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.chat')).sort();

test('there are plays', () => assert.ok(files.length > 12));

for (const file of files) {
  test(`the play ${file}`, () => {
    const player = new Player();
    const lines = readFileSync(new URL(file, folder), 'utf8').split('\n');
    lines.forEach((line, at) => {
      try {
        player.line(line);
      } catch (error) {
        throw new Error(`${file}:${at + 1}: ${line}: ${error.message}`);
      }
    });
    assert.equal(player.peek(), null, 'nothing more is asked');
  });
}

class Player {
  model = new Model('nobody');
  keep = 500;

  line(line) {
    const [sign, rest] = cut(line);
    if (sign === '' || sign === '#') return;
    if (sign === 'user') {
      const [name, here] = rest.split('@');
      this.model = new Model(name, { messages: this.keep });
      this.model.realm = here ?? '';
    } else if (sign === 'keep') this.keep = Number(rest);
    else if (sign === '>') assert.equal(this.model.nextRequest(), rest);
    else if (sign === '<') {
      const told = JSON.parse(rest);
      if ('event' in told) this.model.event(told);
      else this.model.answered(told);
      this.model.takeUpdates();
    } else if (sign === '+') this.act(rest);
    else if (sign === '=') this.check(rest);
    else throw new Error('no such line');
  }

  act(line) {
    const [before, text] = line.split(' : ');
    const words = before.split(' ');
    const { model } = this;
    const [verb, name] = words;
    if (verb === 'connect') model.connected({ polls: name === 'poll' });
    else if (verb === 'disconnect') model.disconnected();
    else if (verb === 'resume') this.model = new Model(model.me).fromCursor(name);
    else if (verb === 'poll') model.poll();
    else if (verb === 'retry') model.retry();
    else if (verb === 'post') {
      const options = Object.fromEntries(words.slice(3).map((word) => word.split('=')));
      const reply = options.reply ? Number(options.reply) : null;
      const file = options.file ? { sha256: options.file } : null;
      assert.ok(model.post({ conversation: name, ref: words[2], text: text ?? '', reply, kind: options.kind ?? null, file }));
    } else if (verb === 'again') assert.ok(model.outbox.again(name));
    else if (verb === 'discard') assert.ok(model.outbox.discard(name));
    else if (verb === 'read' || verb === 'unread') model.mark(name, Number(words[2]), verb === 'read');
    else if (verb === 'load') model.load(name, { what: words[2], id: words[2] === 'newest' ? 0 : Number(words[3]) }, Number(words.at(-1)));
    else throw new Error('no such act');
  }

  check(line) {
    const [what, expected] = cut(line);
    const [name, rest] = cut(expected);
    const { model } = this;
    const each = model.conversation(name);
    if (what === 'quiet') assert.equal(this.peek(), null);
    else if (what === 'phase') assert.equal(model.phase, expected);
    else if (what === 'cursor') assert.equal(model.cursor ?? 'none', expected);
    else if (what === 'conversations') assert.equal(model.conversations().map((one) => one.name).join(' '), expected);
    else if (what === 'unread') {
      const { unread, mentions } = model.count(name);
      assert.equal(`${unread}${mentions ? ` mentions ${mentions}` : ''}`, rest);
    } else if (what === 'read') assert.equal(String(each.read), rest);
    else if (what === 'messages') assert.equal(messages(each), rest);
    else if (what === 'message') {
      const [id, keys] = cut(rest);
      const told = each.messages.get(Number(id));
      const { text, reactions, ...shown } = told;
      const delivered = isDelivered(told, each, model.me);
      alike(JSON.parse(keys), { ...shown, delivered, message: text, reactions: Object.fromEntries(reactions) });
    } else if (what === 'group') alike(JSON.parse(rest), each);
    else if (what === 'outbox') {
      const state = { posted: (entry) => `=${entry.id}`, refused: (entry) => `=${entry.code}` };
      const shown = model.outbox.entries.map((entry) => `${entry.draft.ref}:${entry.state}${state[entry.state]?.(entry) ?? ''}`);
      assert.equal(shown.join(' '), expected);
    } else throw new Error('nothing to be checked');
  }

  /** What the model would ask next, without asking it. */
  peek() {
    return copy(this.model).nextRequest();
  }
}

const cut = (line) => {
  const at = line.indexOf(' ');
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
};

const alike = (expected, found) => {
  for (const [key, value] of Object.entries(expected)) assert.deepEqual(found[key], value, key);
};

/** `... 3 4 | 7`: what may be missing is `...` at the beginning, and `|` in between. */
function messages(each) {
  if (!each) return 'none';
  let before = 0;
  return [...each.order, ...each.waits().map(({ id }) => id)]
    .map((id) => {
      const follows = each.spans.cover(before, id);
      const sign = before === 0 ? (follows ? '' : '... ') : follows ? ' ' : ' | ';
      before = id;
      return sign + id;
    })
    .join('');
}

function copy(value) {
  if (value instanceof Map) return new Map([...value].map(([key, one]) => [key, copy(one)]));
  if (value instanceof Set) return new Set(value);
  if (Array.isArray(value)) return value.map(copy);
  if (value === null || typeof value !== 'object') return value;
  const made = Object.create(Object.getPrototypeOf(value));
  for (const [key, one] of Object.entries(value)) made[key] = copy(one);
  return made;
}
