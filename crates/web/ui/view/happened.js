import { keyOf } from '../core/conversation.js';
import { t } from '../lang/index.js';
import './more.js';

/** Notes who came, who went, who may do what now. @param {App} app @param {Update} update */
export function note(app, { name = '', kind = '', user = '', by = '' }) {
  const { notes } = app.timeline;
  const key = keyOf(name);
  const after = app.live.model.conversation(name)?.last?.id ?? 0;
  const all = [...(notes.get(key) ?? []), { after, text: t(/** @type {any} */ (`member_${kind}`), user, by) }];
  notes.set(key, all.slice(-30));
  app.dirty();
}
