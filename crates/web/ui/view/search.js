import { lineOf } from '../core/conversation.js';
import { errorText, show, t } from '../lang/index.js';
import { author, button, el, fill, summary } from './dom.js';
import './more.js';

/** Finds messages, and shows them below those that were found before. @param {App} app @param {string} asked @param {HTMLElement[]} shown @param {number} [before] */
export async function find(app, asked, shown, before) {
  const { search, results } = app.sidebar;
  const option = /(?:^|\s)(in|from):(\S+)/g;
  const options = [...asked.matchAll(option)].map(([, key, value]) => `${key}=${value}`);
  const words = asked.replace(option, ' ').trim();
  const page = before === undefined ? [] : [`before=${before}`];
  const reply = words.length < 2 ? {} : await app.live.ask(lineOf('SEARCH', [...options, ...page, 'limit=30', ':'], words));
  if (asked !== search.value) return;
  const found = (Array.isArray(reply.data) ? reply.data : []).filter((/** @type {any} */ one) => typeof one?.conv === 'string');
  const row = (/** @type {any} */ one) => {
    const name = el('span', { class: 'name' }, el('bdi', {}, author(one)), one.conv === author(one) ? '' : ` → ${one.conv}`);
    const text = el('span', { class: 'text' }, summary({ ...one, text: one.message ?? '' }));
    return button([name, el('time', {}, show('date', one.time)), text], () => app.go(one.conv, one.id), 'result');
  };
  const all = [...shown, ...found.map(row)];
  const more = reply.more === true && button(t('more'), () => find(app, asked, all, reply.before));
  const nothing = reply.status && !all.length && !more && el('p', { class: 'note' }, reply.status === 'OK' ? t('nothing') : errorText(reply));
  fill(results, reply.status && el('h2', {}, t('found')), ...all, nothing, more);
}
