import { isFrom, keyOf, lineOf } from '../core/conversation.js';
import { load, save } from '../core/live.js';
import { t } from '../lang/index.js';
import { author, el, fill, iconButton, summary } from './dom.js';

/** Bytes of a message, at most. */
const MOST_BYTES = 16 * 1024;
/** How often it is told that somebody goes on typing. */
const TYPING = 4000;

/** Where one writes. */
export class Composer {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.name = '';
    /** @type {Message|null} */
    this.reply = null;
    /** @type {Message|null} */
    this.edited = null;
    this.typed = 0;
    /** An emoji is on its way to where its name was written. @type {Promise<any>|null} */
    this.naming = null;
    /** The draft as it was when it was loaded or kept. */
    this.kept = '';
    /** @type {import('./names.js').Names|undefined} */
    this.names = undefined;
    /** @type {Promise<any>} */
    this.loading = Promise.resolve();
    /** @type {import('./attach.js').Uploads|undefined} */
    this.uploads = undefined;
    this.text = el('textarea', { rows: 1, 'aria-label': t('message'), placeholder: t('message'), enterkeyhint: 'send', dir: 'auto' });
    this.context = el('div', { class: 'context' });
    this.typing = el('p', { class: 'typing', 'aria-live': 'polite' });
    this.warning = el('p', { class: 'warning', role: 'alert' });
    this.button = iconButton('send', t('send'), () => this.send(), 'send');
    const smile = iconButton('smile', t('emoji'), () => app.emoji(({ pickEmoji }) => pickEmoji(t('emoji'), (emoji) => this.insert(emoji))));
    const chosen = () => {
      this.attach(files.files);
      files.value = '';
    };
    const files = el('input', { type: 'file', multiple: true, hidden: true, onchange: chosen });
    this.tools = el('div', { class: 'tools' }, iconButton('clip', t('attach'), () => files.click()), files, smile);
    this.root = el('form', { class: 'composer', onsubmit: (/** @type {Event} */ event) => event.preventDefault() }, this.typing, this.context, this.warning, el('div', { class: 'writing' }, this.tools, this.text, this.button));
    this.text.addEventListener('input', () => this.changed());
    this.text.addEventListener('keydown', (event) => this.key(event));
    this.text.addEventListener('paste', (event) => {
      // What was copied from a document comes as a text and as a picture of it.
      if (event.clipboardData?.files.length && !event.clipboardData.getData('text/plain')) {
        event.preventDefault();
        this.attach(event.clipboardData.files);
      }
    });
    for (const what of ['dragover', 'dragleave', 'drop']) addEventListener(what, (event) => this.dragged(/** @type {DragEvent} */ (event)));
    addEventListener('pagehide', () => this.keep());
  }

  open(name = '') {
    this.keep();
    this.name = name;
    this.names?.forget();
    this.cancel(false);
    this.uploads?.draw();
    this.draft();
  }

  /** Shows what was being written here. */
  draft() {
    this.setText((this.name && load(this.draftKey())) || '', false);
    this.kept = this.text.value;
  }

  /** A file that is dropped elsewhere does not replace the page. @param {DragEvent} event */
  dragged(event) {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    const here = this.name !== '' && this.app.main.contains(/** @type {Node} */ (event.target));
    this.app.main.classList.toggle('drop', here && event.type === 'dragover');
    if (here && event.type === 'drop') this.attach(event.dataTransfer.files);
  }

  /** Sends files. @param {Iterable<File>|null} list */
  attach(list) {
    const { app, name } = this;
    const files = [...(list ?? [])];
    // What is loaded for one is there for the next no sooner: they are sent in the order in which they came.
    this.loading = this.loading.catch(() => 0).then(() => import('./attach.js'));
    const add = (/** @type {typeof import('./attach.js')} */ { Uploads }) => (this.uploads ??= new Uploads(app)).add(name, files);
    this.loading.then(add, () => app.look(t('notAttached', files.map((file) => file.name).join(', '))));
  }

  draftKey() {
    return `draft.${this.app.me}.${keyOf(this.name)}`;
  }

  /** Where nothing was written here it may have been in another tab. */
  keep() {
    const { value } = this.text;
    if (!this.name || !this.app.me || this.edited || value === this.kept) return;
    this.kept = value;
    save(this.draftKey(), value || null);
  }

  setText(text = '', focus = true) {
    this.text.value = text.replaceAll('\u2028', '\n');
    this.names?.close();
    this.fit();
    if (focus) this.text.focus();
  }

  insert(text = '') {
    this.text.focus();
    this.text.setRangeText(text, this.text.selectionStart, this.text.selectionEnd, 'end');
    this.changed();
  }

  fit() {
    if (!CSS.supports('field-sizing', 'content')) {
      this.text.style.height = 'auto';
      this.text.style.height = `${this.text.scrollHeight}px`;
    }
    this.button.classList.toggle('ready', this.text.value.trim() !== '');
  }

  changed() {
    const { value, selectionStart } = this.text;
    const found = /:([a-z0-9_+-]+):$/.exec(value.slice(0, selectionStart));
    if (found) this.named(found[0], selectionStart);
    if (this.names) this.names.look();
    else if (value.includes('@')) this.app.seldom(import('./names.js'), ({ Names }) => (this.names ??= new Names(this)).look());
    this.fit();
    this.warning.textContent = '';
    this.keep();
    const now = Date.now();
    if (value.trim() && now - this.typed > TYPING && !/[@+]/.test(this.name) && this.app.live.online && this.app.live.model.conversation(this.name)) {
      this.typed = now;
      this.app.live.ask(lineOf('TYPING', [this.name]));
    }
  }

  /** Puts an emoji where its name was written. */
  named(word = '', at = 0) {
    this.naming = import('./emoji.js').then(({ put }) => put(this.text, word, at)).catch(() => {}).then(() => (this.naming = null));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    // While a word is being composed, Enter belongs to that.
    if (event.isComposing || event.keyCode === 229 || this.names?.key(event)) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      this.send();
    } else if (event.key === 'Escape' && (this.reply || this.edited)) {
      event.preventDefault();
      event.stopPropagation();
      this.cancel();
    } else if (event.key === 'ArrowUp' && !this.text.value && !this.edited) {
      const each = this.app.live.model.conversation(this.name);
      const all = each?.order.map((id) => /** @type {Message} */ (each.messages.get(id)));
      const own = all?.findLast((one) => isFrom(one, this.app.me) && !one.deleted);
      if (!own) return;
      event.preventDefault();
      this.edit(own);
    }
  }

  /** @param {Message} message */
  replyTo(message) {
    this.cancel(false);
    this.reply = message;
    this.tell(t('replying', author(message)), summary(message));
  }

  /** @param {Message} message */
  edit(message, text = message.text) {
    this.cancel(false);
    this.keep();
    this.edited = message;
    this.setText(text);
    this.tell(t('editing'), summary(message));
  }

  tell(what = '', text = '') {
    fill(this.context, el('span', { class: 'what' }, what), el('bdi', {}, text), iconButton('close', t('cancel'), () => this.cancel()));
    this.text.focus();
  }

  cancel(focus = true) {
    const wasEdit = this.edited;
    this.reply = this.edited = null;
    fill(this.context);
    this.warning.textContent = '';
    if (wasEdit) this.draft();
    if (focus) this.text.focus();
  }

  send() {
    const { app, edited, name } = this;
    const { value } = this.text;
    if (this.naming) return void this.naming.then(() => name === this.name && this.send());
    // Signs that no message may hold are left out; one text is one line.
    let text = value.trim().replace(/\r\n|\r|\n/g, '\u2028').replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
    const attached = !edited && this.uploads?.isReady(name);
    if (edited && !text) this.warning.textContent = t('noText');
    if ((!text && !attached) || !name) return;
    if (new TextEncoder().encode(text).length > MOST_BYTES) return void (this.warning.textContent = t('tooLong'));
    this.typed = 0;
    if (edited) return void app.seldom(import('./toolbar.js'), ({ change }) => change(this, { name, edited, value, text }));
    const reply = this.reply?.id ?? null;
    const action = !attached && /^\/me\s+(\S.*)$/s.exec(text);
    if (action) text = action[1];
    const taken = attached ? this.uploads?.send(name, text, reply) : app.live.post({ conversation: name, text, reply, kind: action ? 'action' : null });
    if (!taken) return void (this.warning.textContent = t('tooMany'));
    this.setText('');
    this.cancel();
    this.keep();
    app.timeline.sep = null;
    app.timeline.toEnd();
  }
}
