import { keyOf } from '../core/conversation.js';

/** Tells of a message outside of the page. @param {App} app */
export function notify(app, title = '', body = '', name = '') {
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
