import { keyOf } from '../core/conversation.js';
import { dayOf, show, t } from '../lang/index.js';
import { author, avatar, button, el, fill, icon, iconButton, summary } from './dom.js';

/** How many conversations are in the page at first, and come in at a time. */
const STEP = 60;

/** The conversations of the user, and the search. */
export class Sidebar {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.shown = STEP;
    this.words = '';
    /** @type {any} */
    this.timer = undefined;
    /** @type {Map<string, {node: HTMLElement, sig: string}>} */
    this.made = new Map();
    this.list = el('ul', { class: 'list' });
    this.empty = el('div', { class: 'none' }, el('p', {}, t('noConversations')));
    this.nav = el('nav', { 'aria-label': t('conversations') }, this.list, this.empty);
    this.results = el('section', { class: 'results', 'aria-label': t('found'), hidden: true });
    this.search = el('input', { type: 'search', 'aria-label': t('search'), placeholder: `${t('search')} …`, autocomplete: 'off', dir: 'auto' });
    this.me = button('', () => app.panels(({ settings }) => settings(app)), 'self');
    const scroll = el('div', { class: 'lists' }, this.nav, this.results);
    this.root = el(
      'aside',
      { class: 'sidebar', 'aria-label': 'Antar' },
      el('div', { class: 'head' }, el('h1', { class: 'realm' }), iconButton('plus', t('newConversation'), () => app.dialogs(({ newConversation }) => newConversation(app)), 'make')),
      el('div', { class: 'searching', role: 'search' }, this.search),
      scroll,
      el('div', { class: 'foot' }, this.me, iconButton('out', t('logOut'), () => app.logOut())),
    );
    this.search.addEventListener('input', () => this.look(300));
    this.search.addEventListener('keydown', (event) => {
      if (event.isComposing) return;
      if (event.key === 'Enter') this.look(0);
      else if (event.key === 'Escape') {
        this.search.value = '';
        this.look(0);
      }
    });
    scroll.addEventListener('scroll', () => {
      if (scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight > 400 || this.shown > app.live.model.all.size) return;
      this.shown += STEP;
      app.dirty();
    }, { passive: true });
    this.nav.addEventListener('keydown', (event) => {
      const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const links = /** @type {HTMLElement[]} */ ([...this.nav.querySelectorAll('a')]);
      const at = links.indexOf(/** @type {HTMLElement} */ (document.activeElement));
      if (!by || at < 0) return;
      event.preventDefault();
      links[Math.max(0, at + by)]?.focus();
    });
  }

  render() {
    const { app } = this;
    const { model } = app.live;
    /** @type {Element} */ (this.root.querySelector('.realm')).textContent = app.realm;
    const sig = `${app.me} ${app.profileName(app.me)}`;
    if (this.me.dataset.sig !== sig) {
      const names = el('span', { class: 'names' }, el('bdi', {}, app.me), el('bdi', { class: 'display' }, app.profileName(app.me)));
      fill(this.me, avatar(app.me), names, el('span', { class: 'hidden' }, t('settings')));
      this.me.dataset.sig = sig;
    }
    let all = model.conversations();
    const word = keyOf(this.words.trim());
    if (word) all = all.filter((each) => keyOf(each.name).includes(word));
    this.empty.hidden = all.length > 0 || word !== '' || !app.live.online;
    const wanted = all.slice(0, this.shown);
    const keys = new Set(wanted.map((each) => keyOf(each.name)));
    for (const [key, { node }] of this.made) {
      if (keys.has(key)) continue;
      node.remove();
      this.made.delete(key);
    }
    let at = this.list.firstElementChild;
    for (const each of wanted) {
      const node = this.item(each);
      if (node === at) at = at.nextElementSibling;
      else this.list.insertBefore(node, at);
    }
  }

  /** @param {Conversation} each */
  item(each) {
    const { app } = this;
    const { unread, mentions } = each.count(app.me);
    const { last, name } = each;
    const state = app.presence.get(keyOf(name))?.state ?? '';
    const types = app.whoTypes(name);
    const here = keyOf(app.timeline.name) === keyOf(name);
    const text = types || (last ? (each.isGroup && !last.deleted ? `${author(last)}: ` : '') + summary(last) : each.topic ?? '');
    const sig = JSON.stringify([name, unread, mentions, last?.id, text, state, here, each.muted, each.blocked, last && dayOf(last.time) === new Date().toDateString()]);
    const key = keyOf(name);
    const old = this.made.get(key);
    if (old?.sig === sig) return old.node;
    const time = last ? show(dayOf(last.time) === new Date().toDateString() ? 'time' : 'date', last.time) : '';
    const link = el(
      'a',
      { href: `#/${encodeURIComponent(name)}`, class: ['item', unread && 'unread', each.muted && 'quiet', state].filter(Boolean).join(' '), 'aria-current': here && 'page' },
      avatar(name),
      el('span', { class: 'name' }, el('bdi', {}, name), each.muted && icon('mute')),
      app.badge(name),
      el('span', { class: 'hidden' }, [state === 'online' && t('online'), each.muted && t('muted'), each.blocked && t('blocked')].filter(Boolean).join(', ')),
      el('time', {}, time),
      el('span', { class: types ? 'text types' : 'text' }, text),
    );
    const node = old?.node ?? el('li');
    const focused = node.contains(document.activeElement);
    fill(node, link);
    if (focused) link.focus();
    this.made.set(key, { node, sig });
    return node;
  }

  forget() {
    this.search.value = '';
    this.shown = STEP;
    fill(this.results);
    this.look();
  }

  look(after = 0) {
    clearTimeout(this.timer);
    const { value } = this.search;
    this.words = /(^|\s)(in|from):\S/.test(value) ? '' : value;
    this.app.dirty();
    this.results.hidden = value.trim().length < 2;
    if (!this.results.hidden) this.timer = setTimeout(() => this.app.seldom(import('./search.js'), ({ find }) => find(this.app, value, [])), after);
  }
}
