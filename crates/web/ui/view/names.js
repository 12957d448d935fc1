import { keyOf, lineOf, same } from '../core/conversation.js';
import { t } from '../lang/index.js';
import { avatar, el, fill } from './dom.js';
import './more.js';

/** How many names are offered at once. */
const MOST = 8;

/** Offers the names that begin as what is written after an `@` does. */
export class Names {
  /** @param {import('./composer.js').Composer} composer */
  constructor(composer) {
    this.composer = composer;
    /** Those who are in the conversation. @type {string[]} */
    this.people = [];
    this.peopleOf = '';
    /** @type {string[]} */
    this.found = [];
    /** The name that Enter takes; none where only the `@` is there yet, so that Enter sends it. */
    this.at = -1;
    this.word = '';
    this.list = el('ul', { class: 'people', role: 'listbox', id: 'people', 'aria-label': t('people'), hidden: true });
    composer.text.before(this.list);
    composer.text.setAttribute('aria-autocomplete', 'list');
    composer.text.addEventListener('blur', () => this.close());
  }

  look() {
    const { name, text } = this.composer;
    if (this.peopleOf !== name) return void this.load(name);
    const word = /(?:^|[^\p{L}\p{N}_@])@([A-Za-z0-9._-]*)$/u.exec(text.value.slice(0, text.selectionStart))?.[1];
    const begins = (/** @type {string} */ one) => keyOf(one).startsWith(keyOf(word)) && !same(one, this.composer.app.me);
    this.word = word ?? '';
    this.found = word === undefined ? [] : this.people.filter(begins).slice(0, MOST);
    // Whoever is named in full is not offered, and the next Enter sends.
    if (this.found.some((one) => same(one, word))) this.found = [];
    this.at = word ? 0 : -1;
    this.draw();
  }

  /** Learns who is in a conversation. @param {string} name */
  async load(name) {
    this.peopleOf = name;
    this.people = name.startsWith('#') ? [] : [name.split('@')[0]];
    const isGroup = name.startsWith('#') && !name.includes('+');
    const { data } = isGroup ? await this.composer.app.live.ask(lineOf('MEMBERS', [name.slice(1)])) : { data: this.people };
    if (name !== this.composer.name) return;
    if (Array.isArray(data)) this.people = data;
    this.look();
  }

  draw() {
    const { text } = this.composer;
    const option = (/** @type {string} */ name, /** @type {number} */ i) =>
      el('li', { role: 'option', id: `people${i}`, 'aria-selected': String(i === this.at), onpointerdown: (/** @type {Event} */ event) => (event.preventDefault(), this.take(name)) }, avatar(name), el('bdi', {}, name));
    fill(this.list, ...this.found.map(option));
    this.list.hidden = !this.found.length;
    for (const [key, value] of [['aria-controls', 'people'], ['aria-activedescendant', `people${this.at}`]]) {
      if (this.found.length && this.at >= 0) text.setAttribute(key, value);
      else text.removeAttribute(key);
    }
  }

  close() {
    this.found = [];
    this.draw();
  }

  /** Another conversation is written in. */
  forget() {
    this.peopleOf = '';
    this.close();
  }

  /** @param {string} name */
  take(name) {
    const end = this.composer.text.selectionStart;
    this.composer.text.setRangeText(`${name} `, end - this.word.length, end, 'end');
    this.close();
    this.composer.changed();
  }

  /** Whether a key was for the names. @param {KeyboardEvent} event */
  key(event) {
    const { length } = this.found;
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!length || event.shiftKey) return false;
    if (by) {
      this.at = (Math.max(this.at, by < 0 ? 0 : -1) + by + length) % length;
      this.draw();
    } else if (event.key === 'Escape') this.close();
    else if ((event.key === 'Enter' && this.at >= 0) || event.key === 'Tab') this.take(this.found[Math.max(0, this.at)]);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }
}
