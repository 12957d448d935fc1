import { keyOf, lineOf } from '../core/conversation.js';
import { errorText, t } from '../lang/index.js';
import { avatar, button, el, field, fill, iconButton, isAsking, textbox } from './dom.js';
import './more.js';

/** Opens a dialog, which is gone once it is closed. @param {string} title @param {string} cls @param {(body: HTMLElement, close: () => void) => void} build */
export function dialog(title, cls, build) {
  const body = el('div', { class: 'body' });
  const made = el('dialog', { class: cls, 'aria-label': title, tabindex: -1 });
  const close = () => made.close();
  made.append(el('div', { class: 'top' }, el('h2', {}, title), iconButton('close', t('close'), close)), body);
  made.addEventListener('click', (event) => {
    if (event.target === made) close();
  });
  made.addEventListener('close', () => made.remove());
  build(body, close);
  document.body.append(made);
  made.showModal();
  // Where a keyboard would cover the half of it, it waits until it is asked for.
  const first = matchMedia('(hover: hover)').matches && body.querySelector('[autofocus]');
  (first instanceof HTMLElement ? first : made).focus();
  return made;
}

/** Asks whether something is really to be done. @returns {Promise<boolean>} */
export function confirmed(question = '', yes = '') {
  return new Promise((resolve) => {
    let answer = false;
    const made = dialog(question, 'small', (body, close) => {
      const go = () => {
        answer = true;
        close();
      };
      body.append(el('div', { class: 'buttons' }, button(yes, go, 'danger'), button(t('cancel'), close)));
    });
    made.addEventListener('close', () => resolve(answer));
  });
}

/** A button of a form that does something, and says below it what came of it. @param {string} label @param {Act} act @param {string} [cls] */
export function action(label, act, cls = '') {
  const said = el('p', { class: 'said', role: 'status' });
  const go = async () => {
    made.disabled = true;
    said.textContent = '';
    await act((text) => (said.textContent = text));
    made.disabled = false;
  };
  const made = button(label, go, cls);
  return el('div', {}, made, said);
}

/** Begins a conversation, or makes or joins a group. @param {App} app */
export function newConversation(app) {
  dialog(t('newConversation'), '', (body, close) => {
    const to = textbox({ autofocus: true, placeholder: t('toExample'), maxlength: 140 });
    const password = textbox({ type: 'password', autocomplete: 'off' });
    const secret = el('div', { hidden: true }, field(t('groupPassword'), password));
    const said = el('p', { class: 'said', role: 'alert' });
    const buttons = el('div', { class: 'buttons' });
    const groups = el('ul', { class: 'choices' });
    const done = (/** @type {string} */ name) => {
      close();
      app.go(name);
    };
    const start = async () => {
      const name = to.value.trim();
      if (!name) return;
      if (app.live.model.conversation(name)) return done(name);
      const reply = await app.live.ask(lineOf('HISTORY', [name, 'limit=1']));
      // With somebody of another realm nothing need have been said yet.
      const isNew = reply.code === 'user_not_found' && name.includes('@');
      if (reply.status === 'OK' || isNew) return done(name);
      said.textContent = errorText(reply);
    };
    const group = async (/** @type {'JOINGROUP'|'ADDGROUP'} */ verb) => {
      const name = to.value.trim().replace(/^#?/, '#');
      const reply = await app.live.ask(lineOf(verb, [name.slice(1)], password.value || undefined));
      if (reply.status === 'OK' || reply.code === 'already_member') return done(name);
      if (reply.code === 'wrong_password') secret.hidden = false;
      said.textContent = errorText(reply);
    };
    const draw = () => {
      const isGroup = to.value.trim().startsWith('#');
      // `staff@beta` may be a user there as well as a group.
      const isAway = to.value.includes('@');
      const joins = (isGroup || isAway) && !to.value.includes('+') && !app.live.model.conversation(to.value.trim());
      said.textContent = '';
      secret.hidden = !isGroup;
      fill(
        buttons,
        !(isGroup && joins) && button(t('start'), start, 'main'),
        joins && button(t('joinGroup'), () => group('JOINGROUP'), isGroup ? 'main' : ''),
        joins && !isAway && button(t('makeGroup'), () => group('ADDGROUP')),
      );
    };
    to.addEventListener('input', draw);
    body.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.isComposing || event.target instanceof HTMLButtonElement) return;
      event.preventDefault();
      /** @type {HTMLElement|null} */ (buttons.firstElementChild)?.click();
    });
    body.append(field(t('to'), to), el('p', { class: 'hint' }, t('toHint')), secret, said, buttons, groups);
    draw();
    app.live.ask('GETGROUPS').then((reply) => {
      const others = (Array.isArray(reply.data) ? reply.data : []).filter((/** @type {any} */ name) => typeof name === 'string' && !app.live.model.conversation(`#${name}`));
      if (!others.length) return;
      const choose = (/** @type {string} */ name) => {
        to.value = `#${name}`;
        draw();
        to.focus();
      };
      groups.before(el('h3', {}, t('otherGroups')));
      fill(groups, ...others.slice(0, 200).map((/** @type {string} */ name) => el('li', {}, button([avatar('#'), el('bdi', {}, `#${name}`)], () => choose(name)))));
    });
  });
}

/** Goes to a conversation by some letters of its name. @param {App} app */
export function switcher(app) {
  if (isAsking()) return;
  dialog(t('switchTo'), 'switcher', (body, close) => {
    let at = 0;
    /** @type {string[]} */
    let found = [];
    const list = el('ul', { class: 'choices', role: 'listbox', id: 'switch', 'aria-label': t('conversations') });
    const look = textbox({ autofocus: true, role: 'combobox', 'aria-label': t('switchTo'), 'aria-controls': 'switch', 'aria-expanded': 'true', 'aria-autocomplete': 'list', placeholder: t('switchTo') });
    const go = (/** @type {string|undefined} */ name) => {
      if (!name) return;
      close();
      app.go(name);
    };
    const draw = () => {
      const word = keyOf(look.value.trim());
      const names = app.live.model.conversations().map((each) => each.name);
      const rank = (/** @type {string} */ name) => (keyOf(name).replace(/^#/, '').startsWith(word.replace(/^#/, '')) ? 0 : 1);
      found = names.filter((name) => keyOf(name).includes(word)).sort((a, b) => (word ? rank(a) - rank(b) : 0)).slice(0, 12);
      at = Math.max(0, Math.min(at, found.length - 1));
      const option = (/** @type {string} */ name, /** @type {number} */ i) =>
        el('li', { role: 'option', id: `switch${i}`, 'aria-selected': String(i === at), onclick: () => go(name) }, avatar(name), el('bdi', {}, name), app.badge(name));
      fill(list, ...found.map(option));
      if (found.length) look.setAttribute('aria-activedescendant', `switch${at}`);
      else look.removeAttribute('aria-activedescendant');
      list.children[at]?.scrollIntoView({ block: 'nearest' });
    };
    look.addEventListener('input', () => {
      at = 0;
      draw();
    });
    look.addEventListener('keydown', (event) => {
      if (event.isComposing) return;
      const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (by) {
        event.preventDefault();
        at = (at + by + found.length) % Math.max(1, found.length);
        draw();
      } else if (event.key === 'Enter') {
        event.preventDefault();
        go(found[at]);
      }
    });
    draw();
    body.append(look, list);
  });
}

/** What else can be done with a conversation. @param {App} app */
export function menu(app, name = '') {
  dialog(name, 'small', (body, close) => {
    const item = (/** @type {string} */ label, /** @type {() => void} */ act) => button(label, () => (close(), act()));
    const last = app.live.model.conversation(name)?.last;
    const mark = () => {
      app.go('');
      app.live.model.mark(name, last?.id ?? 0, false);
      app.live.settle();
    };
    const find = () => {
      const { search } = app.sidebar;
      search.value = `in:${name} `;
      search.focus();
    };
    fill(body, item(t('searchHere'), find), last && item(t('markUnread'), mark), item(t('toLatest'), () => app.timeline.toEnd()));
  });
}
