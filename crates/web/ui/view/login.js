import { errorText, language, languages, setLanguage, t } from '../lang/index.js';
import { el, field, textbox } from './dom.js';

/** Where one logs in or registers; with an invitation, where one chooses a password. @param {App} app @param {import('./invite.js').Invitation|null} invited @param {string} [why] */
export function loginPage(app, invited, why = '') {
  const name = textbox({ autocomplete: 'username', maxlength: 64, required: true, value: invited?.name ?? '', readonly: invited !== null });
  // A password is a text of its own kind; as a textbox it is found by its name.
  const password = el('input', { type: 'password', role: 'textbox', autocomplete: invited ? 'new-password' : 'current-password', maxlength: 256, required: true });
  const said = el('p', { class: 'said', role: 'alert' }, why);
  const go = async (/** @type {string} */ verb) => {
    const who = name.value.trim();
    said.textContent = '';
    if (!who || !password.value) return void (said.textContent = t('bothNeeded'));
    if (/\s/.test(who)) return void (said.textContent = errorText({ code: 'bad_name' }));
    // PASSWD takes the present password as one word.
    if (verb !== 'AUTH' && /\s/.test(password.value)) return void (said.textContent = t('noBlanks'));
    for (const one of [login, register]) one.disabled = true;
    const reply = await app.live.login(`${verb} ${verb === 'REDEEM' ? invited?.token : who} ${password.value}`);
    for (const one of [login, register]) one.disabled = false;
    if (reply.status === 'OK' || reply.code === 'bad_invitation') invited?.done();
    if (reply.status === 'OK') return;
    said.textContent = reply.code === 'forbidden' ? t('closed') : errorText(reply);
    password.focus();
  };
  const login = el('button', { type: 'submit', class: 'main' }, t('logIn'));
  const register = el('button', { type: invited ? 'submit' : 'button', class: invited ? 'main' : '', onclick: () => !invited && go('REGISTER') }, t('register'));
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    go(invited ? 'REDEEM' : 'AUTH');
  };
  const others = Object.entries(languages).filter(([key]) => key !== language);
  const form = el(
    'form',
    { class: 'login', onsubmit: submit },
    el('h1', {}, 'Antar'),
    el('p', { class: 'realm' }, app.realm ? t('atRealm', app.realm) : ''),
    field(t('name'), name),
    field(t('password'), password),
    said,
    el('div', { class: 'buttons' }, invited ? '' : login, register, invited && el('button', { type: 'button', onclick: () => (invited.done(), location.reload()) }, t('cancel'))),
    el('div', { class: 'languages' }, ...others.map(([key, one]) => el('button', { type: 'button', class: 'plain', lang: key, onclick: () => setLanguage(key) }, one))),
  );
  requestAnimationFrame(() => (invited ? password : name).focus());
  return el('main', { class: 'door' }, form);
}
