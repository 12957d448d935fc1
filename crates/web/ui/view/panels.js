import { lineOf, same } from '../core/conversation.js';
import { load, save } from '../core/live.js';
import { errorText, language, languages, setLanguage, show, t } from '../lang/index.js';
import { action, confirmed, dialog } from './dialogs.js';
import { applyTheme, avatar, button, el, field, fill, textbox } from './dom.js';

/** What there is to know of a conversation, and to do with it. @param {App} app */
export function details(app, name = '') {
  if (name.startsWith('#') && !name.includes('+')) groupDetails(app, name);
  else userDetails(app, name);
}

/** An act that sends a request, and says what came of it. @param {App} app @param {() => string|null} line @param {(reply: any) => void} [then] @returns {Act} */
const sends = (app, line, then) => async (say) => {
  const reply = await app.live.ask(line());
  const done = reply.status === 'OK';
  // A realm that decides on it and is away now does it later.
  say(done ? t(reply.pending ? 'later' : 'done') : errorText(reply));
  if (done) then?.(reply);
};

/** The same, where the user says once more that it is to be done. @param {App} app @param {string} question @param {string} yes @param {() => string|null} line @param {(reply: any) => void} [then] @returns {Act} */
const asksFirst = (app, question, yes, line, then) => async (say) => {
  if (await confirmed(question, yes)) await sends(app, line, then)(say);
};

/** @param {App} app */
function quiet(app, name = '') {
  const each = app.live.model.conversation(name);
  return each ? action(t(each.muted ? 'unmute' : 'mute'), sends(app, () => lineOf(each.muted ? 'UNMUTE' : 'MUTE', [name]))) : '';
}

/** @param {string} name @param {HTMLElement} about */
const person = (name, about) => el('div', { class: 'person' }, avatar(name), el('div', {}, el('strong', {}, el('bdi', {}, name)), about));

/** @param {Child[]} children */
const section = (...children) => el('section', {}, ...children);

/** @param {Child[]} children */
const buttons = (...children) => el('div', { class: 'buttons' }, ...children);

/** @param {App} app */
function userDetails(app, name = '') {
  dialog(name, '', (body, close) => {
    const about = el('p', { dir: 'auto' });
    const each = app.live.model.conversation(name);
    const block = () => (each?.blocked ? action(t('unblock'), sends(app, () => lineOf('UNBLOCK', [name]), close)) : action(t('block'), asksFirst(app, t('blockSure', name), t('block'), () => lineOf('BLOCK', [name]), close), 'danger'));
    fill(body, person(name, about), el('p', { class: 'hint' }, app.presenceText(name)), quiet(app, name), !name.startsWith('#') && !same(name, app.me) && block());
    if (/[@#+~]/.test(name)) return;
    app.live.ask(lineOf('PROFILE', [name])).then(({ data }) => fill(about, data?.name, el('br'), data?.about));
  });
}

/** @param {App} app */
async function groupDetails(app, name = '') {
  const group = name.slice(1);
  const reply = await app.live.ask(lineOf('MEMBERS', [group]));
  const each = app.live.model.conversation(name);
  if (reply.status !== 'OK') return app.toast(errorText(reply));
  // In a group of another realm that one decides, and some things are done there only.
  const isHere = !name.includes('@');
  const owns = each?.role === 'owner' || (isHere && app.live.admin);
  const moderates = owns || each?.role === 'moderator';
  dialog(name, '', (body, close) => {
    const again = () => {
      close();
      setTimeout(() => groupDetails(app, name));
    };
    const roleOf = (/** @type {string} */ user) => (same(user, reply.owner ?? '') ? 'owner' : (reply.moderators ?? []).some((/** @type {string} */ one) => same(one, user)) ? 'moderator' : 'member');
    const member = (/** @type {string} */ user) => {
      const role = roleOf(user);
      const shown = [avatar(user), el('bdi', {}, user), el('span', { class: 'role' }, role === 'member' ? '' : t(role))];
      return el('li', {}, button(shown, () => memberDetails(app, group, user, role, { owns, moderates }, again)));
    };
    const topic = textbox({ value: each?.topic ?? '', maxlength: 500 });
    const who = textbox({ maxlength: 64 });
    const on = (/** @type {string} */ verb) => sends(app, () => lineOf(verb, [group, who.value.trim()]), verb === 'INVITE' ? again : undefined);
    fill(
      body,
      moderates ? section(field(t('topic'), topic), action(t('save'), sends(app, () => lineOf('TOPIC', [group, ':'], topic.value)))) : el('p', {}, each?.topic ?? ''),
      el('h3', {}, t('members', reply.data.length)),
      el('ul', { class: 'choices' }, ...reply.data.slice(0, 500).map(member)),
      moderates && section(field(t('user'), who), buttons(isHere && action(t('invite'), on('INVITE'), 'main'), action(t('ban'), on('BAN')), action(t('unban'), on('UNBAN')))),
      owns && groupSettings(app, group),
      buttons(quiet(app, name), action(t('leave'), asksFirst(app, t('leaveSure', name), t('leave'), () => lineOf('LEAVEGROUP', [group]), close), 'danger')),
      owns && isHere && action(t('closeGroup'), asksFirst(app, t('closeSure', name), t('closeGroup'), () => lineOf('CLOSEGROUP', [group]), close), 'danger'),
    );
  });
}

/** @param {App} app */
function groupSettings(app, group = '') {
  const made = section();
  app.live.ask(lineOf('GROUPSET', [group])).then((reply) => {
    if (reply.status !== 'OK') return;
    const entry = select([['open', t('entry_open')], ['password', t('entry_password')], ['invite', t('entry_invite')]], reply.entry);
    const password = textbox({ type: 'password', autocomplete: 'new-password' });
    const check = (/** @type {boolean} */ checked) => el('input', { type: 'checkbox', checked });
    // In a group of another realm these are its own.
    const isHere = !group.includes('@');
    const realms = textbox({ value: reply.realms ?? 'none', maxlength: 300 });
    const [listed, announce] = [check(reply.listed), check(reply.announce)];
    const yes = (/** @type {HTMLInputElement} */ box) => (box.checked ? 'yes' : 'no');
    const line = () => {
      const words = [group, `entry=${entry.value}`, `listed=${yes(listed)}`, `announce=${yes(announce)}`];
      if (isHere) words.push(`realms=${realms.value.trim().replace(/[\s,]+/g, ',') || 'none'}`);
      if (entry.value !== 'password' || !password.value) return lineOf('GROUPSET', words);
      // It may hold blanks, but goes on to the next of the options only.
      return /\s\w+=/.test(password.value) ? null : lineOf('GROUPSET', words, `password=${password.value}`);
    };
    const box = (/** @type {string} */ label, /** @type {HTMLElement} */ input) => el('label', { class: 'check' }, input, label);
    fill(made, el('h3', {}, t('groupSettings')), field(t('entry'), entry), ...(isHere ? [field(t('groupPassword'), password), field(t('roomRealms'), realms)] : []), box(t('listed'), listed), box(t('announce'), announce), action(t('save'), sends(app, line)));
  });
  return made;
}

/** @param {App} app @param {string} group @param {string} user @param {'owner'|'moderator'|'member'} role @param {{owns: boolean, moderates: boolean}} may @param {() => void} again */
function memberDetails(app, group, user, role, may, again) {
  dialog(user, 'small', (body, close) => {
    const done = () => {
      close();
      again();
    };
    const act = (/** @type {string} */ label, /** @type {string} */ verb, /** @type {() => (string|number)[]} */ rest = () => [], cls = '') => action(label, sends(app, () => lineOf(verb, [group, user, ...rest()]), done), cls);
    const others = !same(user, app.me) && role !== 'owner';
    const minutes = el('input', { type: 'number', min: 0, max: 527040, placeholder: '∞' });
    const write = () => {
      document.querySelectorAll('dialog').forEach((one) => one.close());
      app.go(user);
    };
    const other = role === 'member' ? 'moderator' : 'member';
    const owner = may.owns && others ? [act(t(other === 'member' ? 'makeMember' : 'makeModerator'), 'ROLE', () => [other]), act(t('makeOwner'), 'ROLE', () => ['owner'])] : [];
    const over = others && (may.owns || (may.moderates && role === 'member')) ? [field(t('minutes'), minutes), act(t('silence'), 'SILENCE', () => (minutes.value ? [minutes.value] : [])), act(t('unsilence'), 'SILENCE', () => [0]), act(t('kick'), 'KICK', undefined, 'danger'), act(t('ban'), 'BAN', undefined, 'danger')] : [];
    fill(body, person(user, el('p', { class: 'hint' }, t(role))), action(t('writeTo'), write, 'main'), ...owner, ...over);
  });
}

/** @param {[string, string][]} options @param {string} value @param {(value: string) => void} [chosen] */
function select(options, value, chosen) {
  const made = el('select', { onchange: () => chosen?.(made.value) }, ...options.map(([value, label]) => el('option', { value }, label)));
  made.value = value;
  return made;
}

/** The user's profile, what the page looks like, the sessions. @param {App} app */
export function settings(app) {
  dialog(t('settings'), '', (body) => {
    const part = (/** @type {string} */ title, /** @type {Child[]} */ ...children) => [el('h3', {}, title), ...children];
    fill(body, ...part(t('profile'), profile(app)), ...part(t('page'), page(), notifying()), ...part(t('password'), password(app)), ...part(t('sessions'), sessions(app)), ...part(t('realms'), action(t('realms'), () => realms(app))));
  });
}

/** @param {App} app */
function profile(app) {
  const name = textbox({ maxlength: 64 });
  const about = el('textarea', { rows: 2, maxlength: 500, dir: 'auto' });
  const away = textbox({ maxlength: 200 });
  app.live.ask('PROFILE').then(({ data }) => {
    name.value = data?.name ?? '';
    about.value = (data?.about ?? '').replaceAll('\u2028', '\n');
  });
  const store = () => lineOf('SETPROFILE', [`name=${name.value.trim().replace(/\s+/g, '_') || '_'}`, ':'], about.value.trim());
  const stored = () => {
    app.profiles.clear();
    app.dirty();
  };
  const leave = sends(app, () => lineOf('AWAY', [], away.value.trim() || undefined));
  return section(field(t('displayName'), name), field(t('about'), about), action(t('save'), sends(app, store, stored), 'main'), field(t('awayText'), away), buttons(action(t('goAway'), leave), action(t('comeBack'), sends(app, () => 'BACK'))));
}

function page() {
  const chosen = (/** @type {string} */ theme) => {
    save('theme', theme);
    applyTheme();
  };
  const theme = select([['system', t('themeSystem')], ['light', t('themeLight')], ['dark', t('themeDark')]], load('theme') ?? 'system', chosen);
  return el('section', { class: 'two' }, field(t('theme'), theme), field(t('language'), select(Object.entries(languages), language, setLanguage)));
}

function notifying() {
  if (!('Notification' in window)) return '';
  const on = () => Notification.permission === 'granted' && load('notify') !== 'no';
  const label = () => t(on() ? 'notifyOff' : 'notifyOn');
  const made = action(label(), async (say) => {
    if (on()) save('notify', 'no');
    else if ((await Notification.requestPermission()) === 'granted') save('notify', 'yes');
    else say(t('notifyDenied'));
    made.children[0].textContent = label();
  });
  return made;
}

/** @param {App} app */
function password(app) {
  const old = textbox({ type: 'password', autocomplete: 'current-password' });
  const next = textbox({ type: 'password', autocomplete: 'new-password' });
  const changed = () => (old.value = next.value = '');
  const change = sends(app, () => lineOf('PASSWD', [old.value], next.value), changed);
  /** @type {Act} */
  const act = (say) => {
    const no = /\s/.test(old.value) ? t('oldBlanks') : /\s/.test(next.value) ? t('noBlanks') : '';
    return no ? say(no) : change(say);
  };
  return section(field(t('oldPassword'), old), field(t('newPassword'), next), action(t('changePassword'), act));
}

/** @param {App} app */
function sessions(app) {
  const made = el('ul', { class: 'cards' });
  const draw = async () => {
    const { data } = await app.live.ask('SESSIONS');
    const row = (/** @type {any} */ one) =>
      el('li', {},
        el('div', {}, el('strong', {}, one.client ?? t('unnamed')), el('p', { class: 'hint' }, [one.address, t('used', show('full', one.used))].filter(Boolean).join(' · '))),
        one.current ? el('span', { class: 'role' }, t('thisOne')) : action(t('end'), sends(app, () => lineOf('REVOKE', [one.id]), draw)),
      );
    fill(made, ...(Array.isArray(data) ? data.slice(-50).reverse().map(row) : []));
  };
  draw();
  return made;
}

/** The links with other realms: how they are, and for administrators what can be done. @param {App} app */
function realms(app) {
  dialog(t('realms'), '', (body) => {
    const list = el('ul', { class: 'cards' });
    const draw = async () => {
      const { status, data, ...reply } = await app.live.ask('CHECKREALM');
      const all = status === 'OK' ? data.map((/** @type {any} */ one) => card(app, one, draw)) : [el('li', {}, errorText({ ...reply, data }))];
      fill(list, ...(all.length ? all : [el('li', {}, t('noRealms'))]));
    };
    fill(body, section(list, action(t('refresh'), draw)), app.live.admin && adding(app, draw), app.live.admin && inviting(app, draw));
    draw();
  });
}

/** What an administrator can do about a link that does not work. @param {any} one a link, as the realm tells of it @returns {Child[]} */
function advice(one) {
  const what = { down: t('fix_down'), refused: t('fix_refused'), removed: t('fix_removed'), waiting: t(one.asks ? 'asks_approval' : 'awaits_approval') }[/** @type {string} */ (one.state)];
  const clock = Math.abs(one.clock ?? 0) > 60_000 && t('fix_clock');
  return [what, one.calls_itself && t('callsItself', one.calls_itself), clock].map((text) => text && el('p', { class: 'advice' }, text));
}

/** @param {App} app @param {any} one @param {() => void} draw */
function card(app, one, draw) {
  const facts = [
    one.host && `${one.host}:${one.port}`,
    one.since && t('since', show('full', one.since)),
    one.owed && [t('owed', one.owed), one.oldest > 60 && t('waitsSince', Math.round(one.oldest / 60))].filter(Boolean).join(', '),
    t('counts', one.sent ?? 0, one.received ?? 0),
    Math.abs(one.clock ?? 0) > 2000 && t('clock', Math.round(one.clock / 1000)),
    one.error,
  ];
  const key = one.fingerprint ? [`sha256:${String(one.fingerprint).replace(/^sha256:/, '')}`] : [];
  const state = /** @type {'up'} */ (['up', 'down', 'waiting', 'refused', 'removed'].includes(one.state) ? one.state : 'down');
  return el('li', { class: `realm-${state}` },
    el('div', {}, el('strong', {}, one.realm), el('span', { class: 'role' }, t(`link_${state}`)), ...facts.map((fact) => fact && el('p', { class: 'hint' }, fact)), one.fingerprint && el('p', { class: 'hint key' }, one.fingerprint), ...(app.live.admin ? advice(one) : [])),
    app.live.admin && buttons(one.asks && action(t('approve'), sends(app, () => lineOf('APPROVEREALM', [one.realm, ...key]), draw), 'main'), action(t('remove'), asksFirst(app, t('removeSure', one.realm), t('remove'), () => lineOf('REMOVEREALM', [one.realm]), draw), 'danger')),
  );
}

/** @param {App} app @param {() => void} draw */
function adding(app, draw) {
  const [name, host, port, key] = [textbox({ maxlength: 64 }), textbox(), textbox({ value: '8889', inputmode: 'numeric' }), textbox()];
  const line = () => lineOf('ADDREALM', [name, host, port, key].map((one) => one.value.trim()).filter(Boolean));
  return section(el('h3', {}, t('addRealm')), field(t('realm'), name), el('div', { class: 'two' }, field(t('host'), host), field(t('port'), port)), field(t('key'), key), action(t('addRealm'), sends(app, line, draw), 'main'));
}

/** @param {App} app @param {() => void} draw */
function inviting(app, draw) {
  const invitation = textbox();
  const made = el('output', { class: 'key' });
  const invite = sends(app, () => 'INVITEREALM', ({ data }) => (made.textContent = data));
  const join = sends(app, () => lineOf('JOINREALM', [invitation.value.trim()]), draw);
  return section(el('h3', {}, t('invitations')), action(t('inviteRealm'), invite), made, field(t('invitation'), invitation), action(t('join'), join));
}
