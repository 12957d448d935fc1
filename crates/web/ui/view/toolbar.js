import { isFrom, lineOf } from '../core/conversation.js';
import { load, save } from '../core/live.js';
import { errorText, t } from '../lang/index.js';
import { author, el, iconButton } from './dom.js';
import './more.js';

/** What can be done with the message that has the pointer or the focus. */
export class Toolbar {
  /** @param {App} app @param {HTMLElement} rows */
  constructor(app, rows) {
    this.app = app;
    this.bar = el('div', { class: 'toolbar', role: 'toolbar', 'aria-label': t('actions') });
    /** @type {HTMLElement|null} */
    this.row = null;
    this.sig = '';
    for (const what of ['pointerover', 'focusin']) rows.addEventListener(what, (event) => this.show(/** @type {Element} */ (event.target).closest('article')));
    rows.addEventListener('keydown', (event) => move(rows, event));
    rows.addEventListener('pointerleave', () => {
      if (!this.row?.contains(document.activeElement)) this.show(null);
    });
    rows.addEventListener('focusout', (event) => {
      if (event.relatedTarget instanceof Node && this.row?.contains(event.relatedTarget)) return;
      if (event.relatedTarget && !this.row?.matches(':hover')) this.show(null);
    });
  }

  /** @param {HTMLElement|null} row */
  show(row) {
    const { app } = this;
    const id = Number(row?.dataset.id);
    const each = app.live.model.conversation(app.timeline.name);
    const message = each?.messages.get(id);
    if (!row || !message || message.deleted || message.notice || !each) {
      this.row = null;
      return this.bar.remove();
    }
    const sig = `${id} ${message.edited}`;
    if (row === this.row && this.bar.parentNode === row && this.sig === sig) return;
    if (this.bar.contains(document.activeElement)) /** @type {HTMLElement} */ (this.row)?.focus({ preventScroll: true });
    this.row = row;
    this.sig = sig;
    const own = isFrom(message, app.me);
    const moderates = each.isGroup && ((app.live.admin && !each.name.includes('@')) || ['owner', 'moderator'].includes(each.role ?? ''));
    const react = () => app.emoji(({ pickEmoji }) => pickEmoji(t('react'), (emoji) => app.onMessage('REACT', id, emoji)));
    const remove = async () => {
      if ((await app.onMessage('DELETE', id)) && own && message.text) app.toast(t('wasDeleted'), t('takeBack'), () => takeBack(app.composer, message.text));
    };
    const ask = () => (own ? remove() : app.dialogs(async ({ confirmed }) => (await confirmed(t('deleteOther', author(message)), t('remove'))) && remove()));
    this.bar.replaceChildren(
      iconButton('smile', t('react'), react),
      iconButton('reply', t('reply'), () => app.composer.replyTo(message)),
      ...(own && !message.deleted ? [iconButton('edit', t('edit'), () => app.composer.edit(message))] : []),
      ...(own || moderates ? [iconButton('trash', t('delete'), ask)] : []),
    );
    row.append(this.bar);
  }
}

/** Changes a message. Its text stays where it is until that is done; whoever goes elsewhere meanwhile gets it back.
 * @param {import('./composer.js').Composer} composer @param {{name: string, edited: Message, value: string, text: string}} what */
export async function change(composer, { name, edited, value, text }) {
  const { app } = composer;
  const reply = text === edited.text ? { status: 'OK' } : await app.live.ask(lineOf('EDIT', [name, edited.id, ':'], text));
  const here = composer.edited === edited;
  if (reply.status === 'OK') {
    if (here && composer.text.value === value) composer.cancel();
    if (reply.pending) app.toast(t('later'));
  } else if (here) composer.warning.textContent = errorText(reply);
  else
    app.toast(errorText(reply), t('show'), () => {
      app.go(name);
      composer.edit(edited, value);
    });
}

/** Puts a text below what is being written; where a message is being changed, below what is written after that. @param {import('./composer.js').Composer} composer */
function takeBack(composer, text = '') {
  const { edited } = composer;
  const draft = edited ? load(composer.draftKey()) : composer.text.value;
  const whole = [draft, text.replaceAll('\u2028', '\n')].filter(Boolean).join('\n');
  if (edited) return save(composer.draftKey(), whole);
  composer.setText(whole);
  composer.changed();
}

/** Goes from message to message. @param {HTMLElement} rows @param {KeyboardEvent} event */
function move(rows, event) {
  const from = /** @type {HTMLElement} */ (event.target);
  if (!from.matches('article')) return;
  const all = [...rows.querySelectorAll('article')];
  const at = all.indexOf(from);
  const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: all.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const next = all[Math.max(0, Math.min(all.length - 1, to))];
  from.tabIndex = -1;
  next.tabIndex = 0;
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: 'nearest' });
}
