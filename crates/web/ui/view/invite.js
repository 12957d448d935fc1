import { load, save } from '../core/live.js';
import { t } from '../lang/index.js';
import './more.js';

/** An account that somebody may make, once.
 * @typedef {{token: string, name: string, done: () => void}} Invitation */

/** It is kept in this tab, so it outlives another language and a reload, and is in no address that others may see. @param {string|null} link */
const keep = (link) => save('invite', link, 'sessionStorage');

/** Takes an invitation from the address, or the one that this tab has, and shows where it is used. @param {App} app */
export function invited(app) {
  const link = location.hash.startsWith('#invite=') ? location.hash.slice(1) : (load('invite', 'sessionStorage') ?? '');
  keep(link);
  const fragment = new URLSearchParams(link);
  const name = fragment.get('name') ?? '';
  history.replaceState(null, '', app.entered && app.timeline.name ? `#/${encodeURIComponent(app.timeline.name)}` : location.pathname);
  if (app.entered) return app.toast(t('invitedAs', name, app.me), t('logOut'), () => app.logOut().then(() => invited(app)));
  app.door('', { token: fragment.get('invite') ?? '', name, done: () => keep(null) });
}
