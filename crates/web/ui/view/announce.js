import { isFrom, isMentioned, keyOf } from '../core/conversation.js';
import { load } from '../core/live.js';
import { t } from '../lang/index.js';
import { author, el, summary } from './dom.js';

/** Tells of a message that has come: to a screen reader, at the edge of the page, and outside of it. @param {App} app */
export function announce(app, name = '', id = 0) {
  const each = app.live.model.conversation(name);
  const message = each?.messages.get(id);
  if (!each || !message || message.deleted || message.pending || isFrom(message, app.me)) return;
  const here = keyOf(app.timeline.name) === keyOf(name);
  const calls = !each.muted && !message.notice && (!each.isGroup || isMentioned(message.text, app.me, app.realm));
  const text = summary(message);
  const title = each.isGroup ? `${author(message)} → ${name}` : name;
  if (here || calls) say(app.announcer.log, here ? `${author(message)}: ${text}` : `${name}, ${author(message)}: ${text}`);
  if (!calls || (here && app.isLooking())) return;
  if (app.isLooking()) app.toast(`${title}: ${text.slice(0, 80)}`, t('show'), () => app.go(name));
  else if (self.Notification?.permission === 'granted' && load('notify') !== 'no') notify(app, title, text, name);
}

/** @param {HTMLElement} log */
function say(log, text = '') {
  log.append(el('p', {}, text));
  while (log.childElementCount > 5) log.firstElementChild?.remove();
}

/** @param {App} app */
function notify(app, title = '', body = '', name = '') {
  try {
    const made = new Notification(title, { body, tag: keyOf(name) });
    made.onclick = () => {
      window.focus();
      app.go(name);
      made.close();
    };
  } catch {
    // Some phones let only a service worker notify.
  }
}
