import { keyOf, lineOf, same } from './core/conversation.js';
import { keys, Live, load, loadJson, save } from './core/live.js';
import { errorText, language, show, t } from './lang/index.js';
import { Composer } from './view/composer.js';
import { applyTheme, avatar, button, el, fill, iconButton, isAsking } from './view/dom.js';
import { loginPage } from './view/login.js';
import { Sidebar } from './view/sidebar.js';
import { Timeline } from './view/timeline.js';

/** For how long somebody types who says so. */
const TYPING = 6000;
/** For how long a profile is taken to be as it was. */
const PROFILE = 10 * 60_000;
/** How many users are asked about at once. */
const USERS = 200;

/** The page: what there is of it, and what happens in it. */
export class App {
  constructor() {
    const url = `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}/ws`;
    this.live = new Live(url, {
      updates: (updates) => this.updated(updates),
      event: (told) => this.told(told),
      state: () => this.dirty(),
      online: () => this.online(),
    });
    this.realmHere = document.querySelector('meta[name="realm"]')?.getAttribute('content') ?? '';
    /** @type {Map<string, Presence>} */
    this.presence = new Map();
    /** @type {Set<string>} */
    this.followed = new Set();
    /** Who types where, until when. @type {Map<string, Map<string, number>>} */
    this.typing = new Map();
    /** @type {Map<string, {name: string, at: number}>} */
    this.profiles = new Map();
    /** @type {any} */
    this.frame = this.clock = undefined;
    /** What shows files, once there was one. @type {typeof import('./view/files.js')|undefined} */
    this.files = undefined;
    this.entered = false;
    this.drawn = 0;
    this.status = el('p', { class: 'connection', role: 'status', 'aria-label': t('connection') });
    this.announcer = new Announcer(this);
    this.timeline = new Timeline(this);
    this.composer = new Composer(this);
    this.sidebar = new Sidebar(this);
    this.head = el('header', { class: 'top' });
    this.none = el('div', { class: 'none' }, el('p', {}, t('choose')), el('p', { class: 'hint' }, t('keys')));
    this.main = el('main', {}, this.head, this.none, this.timeline.box, this.timeline.jumper, this.composer.root);
    this.root = el('div', { class: 'app' }, this.sidebar.root, this.main, this.status);
  }

  get me() {
    return this.live.model.me;
  }

  get realm() {
    return this.live.realm || this.realmHere;
  }

  start() {
    document.documentElement.lang = language;
    document.body.append(el('div', { id: 'root' }), this.announcer.log, this.announcer.toasts);
    const session = loadJson('session');
    if (this.isInvited() || load('invite', 'sessionStorage')) {
      this.door();
      this.invited();
    } else if (typeof session?.token === 'string' && typeof session.user === 'string') {
      this.live.resume(session.token, session.user);
      this.enter();
    } else this.door();
    addEventListener('hashchange', () => (this.isInvited() ? this.invited() : this.follow()));
    addEventListener('online', () => {
      this.live.now();
      this.endOthers();
    });
    this.endOthers();
    addEventListener('focus', () => this.timeline.seen());
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) return;
      this.live.now();
      this.timeline.seen();
    });
    document.addEventListener('keydown', (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 'k' || !this.entered) return;
      event.preventDefault();
      this.dialogs(({ switcher }) => switcher(this));
    });
  }

  isInvited() {
    return location.hash.startsWith('#invite=');
  }

  invited() {
    this.seldom(import('./view/invite.js'), ({ invited }) => invited(this));
  }

  /** @param {string} [why] @param {import('./view/invite.js').Invitation|null} [invited] */
  door(why, invited = null) {
    this.entered = false;
    document.querySelectorAll('dialog').forEach((one) => one.close());
    document.title = 'Antar';
    fill(/** @type {Element} */ (document.getElementById('root')), loginPage(this, invited, why));
  }

  enter() {
    this.entered = true;
    fill(/** @type {Element} */ (document.getElementById('root')), this.root);
    this.follow();
    this.render();
    if (load('uploads', 'sessionStorage')) this.composer.attach([]);
  }

  online() {
    if (!this.entered) this.enter();
    else this.look();
    this.endOthers();
    this.followed.clear();
    this.presence.clear();
  }

  async logOut() {
    const { token } = this.live;
    const reply = await Promise.race([this.live.ask('LOGOUT'), new Promise((resolve) => setTimeout(resolve, 1000))]);
    const ended = reply?.status === 'OK';
    if (!ended) save(`ended.${token}`, '1');
    this.leave(ended ? '' : t('endsLater'), true);
  }

  /** Ends the sessions of which the realm could not be told when their users left. */
  endOthers() {
    if (keys('ended.').length) import('./core/ended.js').then(({ endAll }) => endAll(this.live.url), () => {});
  }

  /** The next one at this page finds nothing of who was here. @param {string} [why] */
  leave(why, forgets = false) {
    this.composer.uploads?.clear();
    this.composer.open('');
    this.live.leave(forgets);
    this.timeline.open('');
    this.sidebar.forget();
    for (const one of [this.announcer.log, this.announcer.toasts, this.head]) fill(one);
    this.head.dataset.sig = '';
    for (const one of [this.presence, this.profiles, this.followed, this.typing, this.timeline.notes]) one.clear();
    history.replaceState(null, '', location.pathname);
    this.door(why);
  }

  /** @param {string} name @param {number} [id] */
  go(name, id) {
    const hash = `#/${encodeURIComponent(name)}`;
    if (location.hash !== hash) history.pushState(null, '', hash);
    this.follow(id);
    if (!id && matchMedia('(hover: hover)').matches) this.composer.text.focus();
  }

  /** @param {number} [id] */
  follow(id) {
    if (!this.entered) return;
    let name = '';
    try {
      name = decodeURIComponent(/^#\/(.+)/.exec(location.hash)?.[1] ?? '');
    } catch {
      // Somebody has written it by hand.
    }
    if (!lineOf('POST', [name])) name = '';
    name = this.live.model.conversation(name)?.name ?? name;
    if (keyOf(name) !== keyOf(this.timeline.name)) this.composer.open(name);
    else if (!id) return this.dirty();
    this.announcer.toasts.replaceChildren();
    this.root.classList.toggle('inside', name !== '');
    this.timeline.open(name, id);
    this.render();
    if (!id && name && matchMedia('(hover: hover)').matches && !isAsking()) this.composer.text.focus();
  }

  /** @param {Update[]} updates */
  updated(updates) {
    for (const update of updates) {
      const { what, name = '', id = 0 } = update;
      if (what === 'logged-out') return this.leave(t('ended'));
      if (what === 'loaded' || what === 'failed') this.timeline.loaded(update);
      else if (what === 'in-step') this.stepped();
      else if (what === 'member' && this.live.online) this.seldom(import('./view/happened.js'), ({ note }) => note(this, update));
      else if (what === 'reset') this.timeline.missing.clear();
      else if (what === 'gone' && same(name, this.timeline.name)) this.go('');
      else if (what === 'message') {
        const from = this.live.model.conversation(name)?.messages.get(id)?.from ?? '';
        this.typing.get(keyOf(name))?.delete(from);
        if (same(name, this.timeline.name)) this.timeline.arrived(id);
        if (this.live.online) this.seldom(import('./view/announce.js'), ({ announce }) => announce(this, name, id));
      }
    }
    this.files?.closeDeleted();
    // One that comes alone is drawn at once, for the next frame; of many that come together a frame draws all. That one waits
    // no more is told just after it has come with its place: they are drawn together.
    const came = updates.some(({ what, name = '' }) => what === 'message' && !this.live.model.conversation(name)?.waiting.size);
    if (came && this.entered && !document.hidden && performance.now() - this.drawn > 40) this.render();
    else this.dirty();
  }

  stepped() {
    this.composer.uploads?.next();
    this.files?.again();
    const { timeline } = this;
    if (timeline.name && !timeline.first) timeline.open(this.live.model.conversation(timeline.name)?.name ?? timeline.name);
  }

  /** @param {any} told */
  told(told) {
    if (told.event === 'presence' && typeof told.user === 'string') this.presence.set(keyOf(told.user), told);
    else if (told.event === 'typing' && typeof told.conv === 'string' && typeof told.user === 'string' && !same(told.user, this.me)) {
      const key = keyOf(told.conv);
      if (!this.typing.has(key)) this.typing.set(key, new Map());
      this.typing.get(key)?.set(told.user, Date.now() + TYPING);
      clearTimeout(this.clock);
      this.clock = setTimeout(() => this.dirty(), TYPING + 50);
    } else if (told.event === 'profile') this.profiles.clear();
  }

  whoTypes(name = '') {
    const all = this.typing.get(keyOf(name));
    if (!all) return '';
    for (const [user, until] of all) if (until < Date.now()) all.delete(user);
    if (!all.size) return '';
    return all.size > 3 ? t('manyType') : t('types', [...all.keys()].join(', '));
  }

  followUsers() {
    if (!this.live.online) return;
    const wanted = this.live.model
      .conversations()
      .slice(0, 500)
      .map((each) => each.name)
      .filter((name) => /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name) && !this.followed.has(keyOf(name)));
    if (!wanted.length) return;
    for (const name of wanted) this.followed.add(keyOf(name));
    for (let at = 0; at < wanted.length; at += USERS) {
      this.live.ask(lineOf('PRESENCE', wanted.slice(at, at + USERS))).then((reply) => {
        for (const one of Array.isArray(reply.data) ? reply.data : []) this.presence.set(keyOf(one.user), one);
        this.dirty();
      });
    }
  }

  profileName(user = '') {
    const known = this.profiles.get(user);
    if ((!known || known.at < Date.now() - PROFILE) && this.live.online && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(user)) {
      this.profiles.set(user, { name: known?.name ?? '', at: Date.now() });
      this.live.ask(lineOf('PROFILE', [user])).then((reply) => {
        if (reply.status !== 'OK') return;
        this.profiles.set(user, { name: reply.data?.name ?? '', at: Date.now() });
        if (reply.data?.name) this.dirty();
      });
    }
    return known?.name ?? '';
  }

  /** When somebody was here last. */
  presenceText(name = '') {
    const one = this.presence.get(keyOf(name));
    if (one?.state === 'away') return one.text ? `${t('away')}: ${one.text}` : t('away');
    if (one?.state === 'online') return t('online');
    return one?.since ? t('lastHere', show('full', one.since)) : '';
  }

  /** Does something with what is not loaded before somebody wants it. @template T @param {Promise<T>} loaded @param {(all: T) => void} act */
  seldom(loaded, act) {
    loaded.then(act, () => this.look(''));
  }

  /** Looks whether the realm has another version of the page by now: then it has none of this one's files. Where something could not be
   * loaded though the realm answers, that may be so until the page is loaded anew. @param {string} [why] what did not work */
  async look(why) {
    const { status } = await fetch(import.meta.url, { method: 'HEAD', cache: 'no-store' }).catch(() => ({ status: 0 }));
    if (why === undefined && status !== 404) return;
    this.toast(`${why ?? ''} ${t(status === 404 ? 'newer' : status ? 'partial' : 'lost')}`, status ? t('reload') : '', () => location.reload());
  }

  /** @param {(all: typeof import('./view/dialogs.js')) => void} act */
  dialogs(act) {
    this.seldom(import('./view/dialogs.js'), act);
  }

  /** @param {(all: typeof import('./view/panels.js')) => void} act */
  panels(act) {
    this.seldom(import('./view/panels.js'), act);
  }

  /** @param {(all: typeof import('./view/emoji.js')) => void} act */
  emoji(act) {
    this.seldom(import('./view/emoji.js'), act);
  }

  badge(name = '') {
    const { unread, mentions } = this.live.model.count(name);
    if (!unread) return '';
    const [before, after] = t('unread', '|').split('|');
    const calls = mentions ? `, ${t('mentions', mentions)}` : '';
    const hidden = (/** @type {string} */ text) => text.trim() && el('span', { class: 'hidden' }, text);
    return el('span', { class: mentions ? 'badge calls' : 'badge' }, hidden(` ${before}`), unread > 999 ? '999+' : String(unread), hidden(`${after}${calls}`));
  }

  /** @param {string} verb @param {number} id @param {string} [rest] */
  async onMessage(verb, id, rest) {
    const words = [this.timeline.name, id];
    const reply = await this.live.ask(lineOf(verb, rest ? [...words, rest] : words));
    if (reply.status === 'OK') return true;
    this.toast(errorText(reply));
    return false;
  }

  /** @param {string} text @param {string} [label] @param {() => void} [act] */
  toast(text, label, act) {
    if (this.entered) this.announcer.toast(text, label, act);
  }

  isLooking() {
    return !document.hidden && document.hasFocus() && !isAsking();
  }

  dirty() {
    if (this.frame !== undefined || !this.entered) return;
    const go = () => {
      cancelAnimationFrame(this.frame.frame);
      clearTimeout(this.frame.timer);
      this.frame = undefined;
      if (this.entered) this.render();
    };
    // Where nothing is painted there are no frames.
    this.frame = { frame: requestAnimationFrame(go), timer: setTimeout(go, 150) };
  }

  render() {
    this.drawn = performance.now();
    const { online } = this.live;
    const word = online ? 'online' : 'reconnecting';
    if (this.status.dataset.state !== word) {
      this.status.dataset.state = word;
      this.status.textContent = t(word);
    }
    this.followUsers();
    this.sidebar.render();
    this.renderHead();
    this.timeline.render();
    this.announcer.title();
  }

  renderHead() {
    const { name } = this.timeline;
    const each = this.live.model.conversation(name);
    const here = name !== '';
    for (const part of [this.head, this.timeline.box, this.composer.root]) part.hidden = !here;
    this.none.hidden = here;
    const types = this.whoTypes(name);
    if (this.composer.typing.textContent !== types) this.composer.typing.textContent = types;
    const facts = [each?.topic, each?.members && t('members', each.members), this.presenceText(name), this.profileNameOf(name)];
    const sig = JSON.stringify([name, facts]);
    if (!here || this.head.dataset.sig === sig) return;
    this.head.dataset.sig = sig;
    fill(
      this.head,
      iconButton('back', t('back'), () => this.go(''), 'back'),
      avatar(name),
      el('div', { class: 'names' }, el('h1', {}, el('bdi', {}, name)), el('p', {}, facts.filter(Boolean).join(' · '))),
      iconButton('info', t('details'), () => this.panels(({ details }) => details(this, name))),
      iconButton('more', t('conversationMenu'), () => this.dialogs(({ menu }) => menu(this, name))),
    );
  }

  profileNameOf(name = '') {
    return /[@#+~]/.test(name) || !name ? '' : this.profileName(name);
  }
}


/** What is told at the edge of the page, to a screen reader, and in the title. */
export class Announcer {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.log = el('div', { class: 'hidden', role: 'log', 'aria-live': 'polite', 'aria-label': t('latest') });
    this.toasts = el('div', { class: 'toasts', role: 'status' });
  }

  /** @param {string} text @param {string} [label] @param {() => void} [act] */
  toast(text, label, act) {
    for (const one of this.toasts.children) if (one.firstChild?.textContent === text) one.remove();
    const made = el('div', { class: 'toast' }, el('span', {}, text));
    const gone = setTimeout(() => made.remove(), label === t('reload') ? 1e9 : 7000);
    if (label && act) {
      const onclick = () => {
        clearTimeout(gone);
        made.remove();
        act();
      };
      made.append(button(label, onclick));
    }
    this.toasts.append(made);
    while (this.toasts.childElementCount > 3) this.toasts.firstElementChild?.remove();
  }

  title() {
    const { app } = this;
    let unread = 0;
    for (const each of app.live.model.all.values()) if (!each.muted) unread += each.count(app.me).unread;
    const title = `${unread ? `(${unread}) ` : ''}Antar`;
    if (document.title !== title) document.title = title;
  }
}

applyTheme();
new App().start();
