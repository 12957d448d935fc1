import { keyOf, same } from '../core/conversation.js';
import { load, save } from '../core/live.js';
import { lineOf } from '../core/outbox.js';
import { errorText, language, languages, setLanguage, show, t } from '../lang/index.js';
import { action, confirmed, dialog } from './dialogs.js';
import { applyTheme, avatar, el, field, fill, textbox } from './dom.js';

/** What there is to know of a conversation, and to do with it. @param {App} app */
export function details(app, name = '') {
  if (name.startsWith('#') && !/[@+]/.test(name)) groupDetails(app, name);
  else userDetails(app, name);
}

/** An act that sends a request, and says what came of it. @param {App} app @param {() => string|null} line @param {(reply: any) => void} [then] @returns {Act} */
const sends = (app, line, then) => async (say) => {
  const reply = await app.live.ask(line());
  say(reply.status === 'OK' ? t('done') : errorText(reply));
  if (reply.status === 'OK') then?.(reply);
};

/** @param {App} app */
function quiet(app, name = '') {
  const each = app.live.model.conversation(name);
  if (!each) return '';
  const verb = each.muted ? 'UNMUTE' : 'MUTE';
  return action(t(each.muted ? 'unmute' : 'mute'), sends(app, () => lineOf(verb, [name])));
}

/** @param {App} app */
function userDetails(app, name = '') {
  dialog(name, '', (body, close) => {
    const about = el('p', { class: 'about', dir: 'auto' });
    const presence = app.presence.get(keyOf(name));
    const each = app.live.model.conversation(name);
    const isUser = !name.startsWith('#');
    const block = async () => {
      if (!each?.blocked && !(await confirmed(t('blockSure', name), t('block')))) return;
      const reply = await app.live.ask(lineOf(each?.blocked ? 'UNBLOCK' : 'BLOCK', [name]));
      if (reply.status === 'OK') close();
      else app.toast(errorText(reply));
    };
    body.append(
      el('div', { class: 'person' }, avatar(name), el('div', {}, el('strong', {}, el('bdi', {}, name)), about)),
      presence ? el('p', { class: 'hint' }, app.presenceText(name)) : '',
      quiet(app, name),
      isUser && !same(name, app.me) ? action(t(each?.blocked ? 'unblock' : 'block'), block, each?.blocked ? '' : 'danger') : '',
    );
    if (!/[@#+~]/.test(name)) {
      app.live.ask(lineOf('PROFILE', [name])).then((reply) => {
        if (reply.status === 'OK') fill(about, reply.data?.name ?? '', el('br'), reply.data?.about ?? '');
      });
    }
  });
}

/** @param {App} app */
async function groupDetails(app, name = '') {
  const group = name.slice(1);
  const reply = await app.live.ask(lineOf('MEMBERS', [group]));
  const each = app.live.model.conversation(name);
  if (reply.status !== 'OK') return app.toast(errorText(reply));
  const role = each?.role ?? '';
  const owns = role === 'owner' || app.live.admin;
  const moderates = owns || role === 'moderator';
  dialog(name, '', (body, close) => {
    const again = () => {
      close();
      setTimeout(() => groupDetails(app, name));
    };
    const roleOf = (/** @type {string} */ user) => (same(user, reply.owner ?? '') ? 'owner' : (reply.moderators ?? []).some((/** @type {string} */ one) => same(one, user)) ? 'moderator' : 'member');
    const member = (/** @type {string} */ user) =>
      el('li', {}, el('button', { type: 'button', onclick: () => memberDetails(app, group, user, roleOf(user), { owns, moderates }, again) }, avatar(user), el('bdi', {}, user), el('span', { class: 'role' }, roleOf(user) === 'member' ? '' : t(/** @type {any} */ (roleOf(user))))));
    const topic = textbox({ value: each?.topic ?? '', maxlength: 500 });
    const who = textbox({ maxlength: 64 });
    const leave = async () => {
      if (await confirmed(t('leaveSure', name), t('leave'))) await sends(app, () => lineOf('LEAVEGROUP', [group]), close)((text) => app.toast(text));
    };
    body.append(
      moderates ? el('section', {}, field(t('topic'), topic), action(t('save'), sends(app, () => lineOf('TOPIC', [group, ':'], topic.value)))) : el('p', { class: 'about' }, each?.topic ?? ''),
      el('h3', {}, t('members', reply.data.length)),
      el('ul', { class: 'choices' }, ...reply.data.slice(0, 500).map(member)),
    );
    if (moderates) {
      const on = (/** @type {string} */ verb) => sends(app, () => lineOf(verb, [group, who.value.trim()]), verb === 'INVITE' ? again : undefined);
      body.append(el('section', {}, field(t('user'), who), el('div', { class: 'buttons' }, action(t('invite'), on('INVITE'), 'main'), action(t('ban'), on('BAN')), action(t('unban'), on('UNBAN')))));
    }
    if (owns) body.append(groupSettings(app, group));
    body.append(el('div', { class: 'buttons' }, quiet(app, name), action(t('leave'), leave, 'danger')));
    if (owns) {
      const end = async () => {
        if (await confirmed(t('closeSure', name), t('closeGroup'))) await sends(app, () => lineOf('CLOSEGROUP', [group]), close)((text) => app.toast(text));
      };
      body.append(action(t('closeGroup'), end, 'danger'));
    }
  });
}

/** @param {App} app */
function groupSettings(app, group = '') {
  const made = el('section');
  app.live.ask(lineOf('GROUPSET', [group])).then((reply) => {
    if (reply.status !== 'OK') return;
    const entry = el('select', {}, ...['open', 'password', 'invite'].map((one) => el('option', { value: one }, t(/** @type {any} */ (`entry_${one}`)))));
    entry.value = reply.entry;
    const check = (/** @type {boolean} */ on) => el('input', { type: 'checkbox', checked: on });
    const [listed, announce] = [check(reply.listed), check(reply.announce)];
    const password = textbox({ type: 'password', autocomplete: 'new-password' });
    const yes = (/** @type {HTMLInputElement} */ box) => (box.checked ? 'yes' : 'no');
    const line = () => {
      const words = [group, `entry=${entry.value}`, `listed=${yes(listed)}`, `announce=${yes(announce)}`];
      return lineOf('GROUPSET', entry.value === 'password' && password.value ? [...words, `password=${password.value}`] : words);
    };
    const box = (/** @type {string} */ label, /** @type {HTMLElement} */ input) => el('label', { class: 'check' }, input, label);
    fill(made, el('h3', {}, t('groupSettings')), field(t('entry'), entry), field(t('groupPassword'), password), box(t('listed'), listed), box(t('announce'), announce), action(t('save'), sends(app, line)));
  });
  return made;
}

/** @param {App} app @param {string} group @param {string} user @param {string} role @param {{owns: boolean, moderates: boolean}} may @param {() => void} again */
function memberDetails(app, group, user, role, may, again) {
  dialog(user, 'small', (body, close) => {
    const done = () => {
      close();
      again();
    };
    const act = (/** @type {string} */ label, /** @type {(string|number)[]} */ words, cls = '') => action(label, sends(app, () => lineOf(String(words[0]), words.slice(1)), done), cls);
    const me = same(user, app.me);
    const over = may.moderates && !me && role !== 'owner' && (may.owns || role !== 'moderator');
    const minutes = el('input', { type: 'number', min: 0, max: 527040, placeholder: '∞' });
    const silence = sends(app, () => lineOf('SILENCE', minutes.value ? [group, user, Number(minutes.value)] : [group, user]), done);
    body.append(
      el('div', { class: 'person' }, avatar(user), el('div', {}, el('strong', {}, el('bdi', {}, user)), el('p', { class: 'hint' }, t(/** @type {any} */ (role))))),
      action(t('writeTo'), () => {
        document.querySelectorAll('dialog').forEach((one) => one.close());
        app.go(user);
      }, 'main'),
    );
    if (may.owns && !me && role !== 'owner') body.append(role === 'member' ? act(t('makeModerator'), ['ROLE', group, user, 'moderator']) : act(t('makeMember'), ['ROLE', group, user, 'member']), act(t('makeOwner'), ['ROLE', group, user, 'owner']));
    if (over) body.append(field(t('minutes'), minutes), action(t('silence'), silence), act(t('unsilence'), ['SILENCE', group, user, 0]), act(t('kick'), ['KICK', group, user], 'danger'), act(t('ban'), ['BAN', group, user], 'danger'));
  });
}

/** @param {[string, string][]} options @param {string} value @param {(value: string) => void} chosen */
function select(options, value, chosen) {
  const made = el('select', { onchange: () => chosen(made.value) }, ...options.map(([value, label]) => el('option', { value }, label)));
  made.value = value;
  return made;
}

/** The user's profile, what the page looks like, the sessions. @param {App} app */
export function settings(app) {
  dialog(t('settings'), '', (body) => {
    body.append(el('h3', {}, t('profile')), profile(app), el('h3', {}, t('page')), page(), notifying(), el('h3', {}, t('password')), password(app), el('h3', {}, t('sessions')), sessions(app));
    body.append(el('h3', {}, t('realms')), action(t('realms'), () => realms(app)));
  });
}

/** @param {App} app */
function profile(app) {
  const name = textbox({ maxlength: 64 });
  const about = el('textarea', { rows: 2, maxlength: 500, dir: 'auto' });
  const away = textbox({ maxlength: 200 });
  app.live.ask('PROFILE').then((reply) => {
    name.value = reply.data?.name ?? '';
    about.value = (reply.data?.about ?? '').replaceAll('\u2028', '\n');
  });
  const store = async (/** @type {(text: string) => void} */ say) => {
    const shown = name.value.trim().replace(/\s+/g, '_') || '_';
    const reply = await app.live.ask(lineOf('SETPROFILE', [`name=${shown}`, ':'], about.value.trim()));
    say(reply.status === 'OK' ? t('done') : errorText(reply));
    app.profiles.clear();
    app.dirty();
  };
  const go = async (/** @type {(text: string) => void} */ say) => {
    const reply = await app.live.ask(lineOf('AWAY', [], away.value.trim() || undefined));
    say(reply.status === 'OK' ? t('done') : errorText(reply));
  };
  const back = async (/** @type {(text: string) => void} */ say) => say((await app.live.ask('BACK')).status === 'OK' ? t('done') : t('lost'));
  return el('section', {}, field(t('displayName'), name), field(t('about'), about), action(t('save'), store, 'main'), field(t('awayText'), away), el('div', { class: 'buttons' }, action(t('goAway'), go), action(t('comeBack'), back)));
}

function page() {
  const themes = /** @type {[string, string][]} */ ([['system', t('themeSystem')], ['light', t('themeLight')], ['dark', t('themeDark')]]);
  const chosen = (/** @type {string} */ theme) => {
    save('theme', theme);
    applyTheme();
  };
  const names = Object.entries(languages);
  return el('section', { class: 'two' }, field(t('theme'), select(themes, load('theme') ?? 'system', chosen)), field(t('language'), select(names, language, setLanguage)));
}

function notifying() {
  if (!('Notification' in window)) return '';
  const on = () => Notification.permission === 'granted' && load('notify') !== 'no';
  const label = () => t(on() ? 'notifyOff' : 'notifyOn');
  const made = action(label(), async (say) => {
    if (on()) save('notify', 'no');
    else if ((await Notification.requestPermission()) === 'granted') save('notify', 'yes');
    else say(t('notifyDenied'));
    /** @type {Element} */ (made.firstElementChild).textContent = label();
  });
  return made;
}

/** @param {App} app */
function password(app) {
  const old = textbox({ type: 'password', autocomplete: 'current-password' });
  const next = textbox({ type: 'password', autocomplete: 'new-password' });
  const change = async (/** @type {(text: string) => void} */ say) => {
    const reply = await app.live.ask(lineOf('PASSWD', [old.value], next.value));
    say(reply.status === 'OK' ? t('done') : errorText(reply));
    if (reply.status === 'OK') old.value = next.value = '';
  };
  return el('section', {}, field(t('oldPassword'), old), field(t('newPassword'), next), action(t('changePassword'), change));
}

/** @param {App} app */
function sessions(app) {
  const made = el('ul', { class: 'cards' });
  const draw = async () => {
    const reply = await app.live.ask('SESSIONS');
    const row = (/** @type {any} */ one) =>
      el(
        'li',
        {},
        el('div', {}, el('strong', {}, one.client ?? t('unnamed')), el('p', { class: 'hint' }, [one.address, t('used', show('full', one.used))].filter(Boolean).join(' · '))),
        one.current ? el('span', { class: 'role' }, t('thisOne')) : action(t('end'), async (say) => {
          const ended = await app.live.ask(lineOf('REVOKE', [one.id]));
          if (ended.status === 'OK') draw();
          else say(errorText(ended));
        }),
      );
    fill(made, ...(Array.isArray(reply.data) ? reply.data.slice(-50).reverse().map(row) : []));
  };
  draw();
  return made;
}

/** The links with other realms: how they are, and for administrators what can be done. @param {App} app */
export function realms(app) {
  dialog(t('realms'), '', (body) => {
    const list = el('ul', { class: 'cards' });
    const draw = async () => {
      const reply = await app.live.ask('CHECKREALM');
      if (reply.status !== 'OK') return fill(list, el('li', {}, errorText(reply)));
      fill(list, ...(reply.data.length ? reply.data.map((/** @type {any} */ one) => card(app, one, draw)) : [el('li', {}, t('noRealms'))]));
    };
    body.append(el('section', {}, list, action(t('refresh'), draw)));
    draw();
    if (app.live.admin) body.append(adding(app, draw), inviting(app, draw));
  });
}

/** @param {App} app @param {string|null} line @param {(text: string) => void} say */
async function tell(app, line, say) {
  const reply = await app.live.ask(line);
  say(reply.status === 'OK' ? t('done') : errorText(reply));
  return reply.status === 'OK' ? reply : null;
}

/** @param {App} app @param {any} one @param {() => void} draw */
function card(app, one, draw) {
  const facts = [
    one.host ? `${one.host}:${one.port}` : '',
    one.since ? t('since', show('full', one.since)) : '',
    one.owed ? t('owed', one.owed) : '',
    t('counts', one.sent ?? 0, one.received ?? 0),
    one.clock && Math.abs(one.clock) > 2000 ? t('clock', Math.round(one.clock / 1000)) : '',
    one.error ?? '',
  ];
  const approve = async (/** @type {(text: string) => void} */ say) => {
    const key = one.fingerprint ? [`sha256:${String(one.fingerprint).replace(/^sha256:/, '')}`] : [];
    if (await tell(app, lineOf('APPROVEREALM', [one.realm, ...key]), say)) draw();
  };
  const remove = async (/** @type {(text: string) => void} */ say) => {
    if (!(await confirmed(t('removeSure', one.realm), t('remove')))) return;
    if (await tell(app, lineOf('REMOVEREALM', [one.realm]), say)) draw();
  };
  return el(
    'li',
    { class: `realm-${one.state}` },
    el('div', {}, el('strong', {}, one.realm), el('span', { class: 'role' }, t(/** @type {any} */ (`link_${['up', 'down', 'waiting', 'refused', 'removed'].includes(one.state) ? one.state : 'down'}`))),
      ...facts.filter(Boolean).map((fact) => el('p', { class: 'hint' }, fact)),
      one.fingerprint ? el('p', { class: 'hint key' }, one.fingerprint) : ''),
    app.live.admin && el('div', { class: 'buttons' }, one.asks ? action(t('approve'), approve, 'main') : '', action(t('remove'), remove, 'danger')),
  );
}

/** @param {App} app @param {() => void} draw */
function adding(app, draw) {
  const [name, host, port, key] = [textbox({ maxlength: 64 }), textbox(), textbox({ value: '8889', inputmode: 'numeric' }), textbox()];
  const add = async (/** @type {(text: string) => void} */ say) => {
    const words = [name, host, port, key].map((one) => one.value.trim()).filter(Boolean);
    if (await tell(app, lineOf('ADDREALM', words), say)) draw();
  };
  return el('section', {}, el('h3', {}, t('addRealm')), field(t('realm'), name), el('div', { class: 'two' }, field(t('host'), host), field(t('port'), port)), field(t('key'), key), action(t('addRealm'), add, 'main'));
}

/** @param {App} app @param {() => void} draw */
function inviting(app, draw) {
  const invitation = textbox();
  const made = el('output', { class: 'key' });
  const invite = async (/** @type {(text: string) => void} */ say) => {
    const reply = await tell(app, 'INVITEREALM', say);
    if (reply) made.textContent = reply.data;
  };
  const join = async (/** @type {(text: string) => void} */ say) => {
    if (await tell(app, lineOf('JOINREALM', [invitation.value.trim()]), say)) draw();
  };
  return el('section', {}, el('h3', {}, t('invitations')), action(t('inviteRealm'), invite), made, field(t('invitation'), invitation), action(t('join'), join));
}
