import { Model } from './model.js';

/** What is kept in this browser: who is logged in, drafts, what is on its way, the user's choices. */

/** @param {string} key @param {'localStorage'|'sessionStorage'} [store] @returns {string|null} */
export function load(key, store = 'localStorage') {
  try {
    return window[store].getItem(`antar.${key}`);
  } catch {
    return null;
  }
}

/** @param {string} key @param {string|null} value null lets go of it @param {'localStorage'|'sessionStorage'} [store] */
export function save(key, value, store = 'localStorage') {
  try {
    if (value === null) window[store].removeItem(`antar.${key}`);
    else window[store].setItem(`antar.${key}`, value);
  } catch {
    // It is full, or not allowed: then nothing outlives the page.
  }
}

/** All keys with a beginning, in order. */
export function keys(prefix = '') {
  try {
    const own = Object.keys(localStorage).filter((key) => key.startsWith(`antar.${prefix}`));
    return own.map((key) => key.slice('antar.'.length)).sort();
  } catch {
    return [];
  }
}

/** What this tab has under a key, else what the browser has. @returns {any} */
export function loadJson(key = '') {
  try {
    return JSON.parse(load(key, 'sessionStorage') ?? load(key) ?? 'null');
  } catch {
    return null;
  }
}

/** Replies that answer no request: the connection is over. */
const FAREWELLS = ['too_many_connections', 'timed_out', 'too_slow'];
/** How long to wait for a connection, or a sign of life. */
const PATIENCE = 15_000;
const SILENCE = 30_000;

/** One connection: request lines out, replies in their order and events in between. */
export class Socket {
  /** @param {string} url @param {{open: () => void, event: (told: any) => void, lost: (code: string) => void}} to */
  constructor(url, to) {
    this.to = to;
    /** @type {((reply: any) => void)[]} */
    this.waiting = [];
    this.heard = Date.now();
    this.asked = 0;
    this.done = false;
    this.socket = new WebSocket(url);
    this.socket.onopen = () => {
      this.heard = Date.now();
      to.open();
    };
    this.socket.onmessage = ({ data }) => this.receive(data);
    this.socket.onclose = () => this.end('');
    this.timer = setInterval(() => this.look(SILENCE, PATIENCE), 2000);
  }

  /** @param {string} line @param {(reply: any) => void} then */
  ask(line, then) {
    this.waiting.push(then);
    this.socket.send(line);
  }

  /** @param {unknown} data */
  receive(data) {
    this.heard = Date.now();
    let told;
    try {
      told = JSON.parse(String(data));
    } catch {
      return this.end('');
    }
    if (this.done) return;
    if (told && 'event' in told) return this.to.event(told);
    if (FAREWELLS.includes(told.code) || !this.waiting.length) return this.end(told.code ?? '');
    this.waiting.shift()?.(told);
  }

  look(silence = 0, patience = 0) {
    const now = Date.now();
    if (this.socket.readyState !== WebSocket.OPEN) {
      if (now - this.heard > PATIENCE) this.end('');
    } else if (this.asked > this.heard) {
      if (now - this.asked > patience) this.end('');
    } else if (now - this.heard > silence) {
      this.asked = now;
      this.ask('PING', () => {});
    }
  }

  end(code = '') {
    if (this.done) return;
    this.done = true;
    clearInterval(this.timer);
    this.socket.onclose = this.socket.onmessage = null;
    this.socket.close();
    for (const then of this.waiting.splice(0)) then({ status: 'ERROR', code: 'lost' });
    this.to.lost(code);
  }
}

/** The first pause between two attempts to connect, and the longest. */
const PAUSES = [300, 30_000];

/** A model that is kept in step over a connection, which is made anew where it is lost. */
export class Live {
  /** @param {string} url @param {{updates: (updates: Update[]) => void, event: (told: any) => void, state: () => void, online: () => void}} to */
  constructor(url, to) {
    this.url = url;
    this.to = to;
    this.model = new Model('');
    /** @type {Socket|null} */
    this.socket = null;
    this.open = false;
    this.token = '';
    this.realm = '';
    this.admin = false;
    this.attempts = 0;
    this.retries = 0;
    this.lastRef = 0;
    /** @type {any} */
    this.timer = this.retryTimer = undefined;
  }

  get online() {
    return this.open && this.model.phase === 'in-step';
  }

  /** @returns {Promise<boolean>} */
  connect() {
    this.close();
    return new Promise((resolve) => {
      const socket = new Socket(this.url, {
        open: () => {
          this.open = true;
          resolve(true);
        },
        event: (told) => {
          this.model.event(told);
          this.to.event(told);
          this.settle();
        },
        lost: () => {
          if (this.socket !== socket) return;
          this.socket = null;
          this.open = false;
          this.model.disconnected();
          resolve(false);
          this.to.state();
          if (this.token) this.again();
        },
      });
      this.socket = socket;
    });
  }

  /** @param {string|null} line @returns {Promise<any>} the reply; its code is `lost` where it did not come */
  ask(line) {
    return new Promise((resolve) => {
      if (!line) resolve({ status: 'ERROR', code: 'bad_text' });
      else if (this.socket && this.open) this.socket.ask(line, resolve);
      else resolve({ status: 'ERROR', code: 'lost' });
    });
  }

  async login(line = '') {
    if (!(await this.connect())) return { status: 'ERROR', code: 'lost' };
    const reply = await this.ask(line);
    if (reply.status !== 'OK' || typeof reply.data !== 'string') {
      this.close();
      return reply;
    }
    this.token = reply.data;
    await this.greet('WHOAMI');
    return reply;
  }

  async resume(token = '', me = '') {
    this.token = token;
    this.begin(me);
    this.to.state();
    if (await this.connect()) await this.greet(`WHOAMI ${token}`);
  }

  async greet(line = '') {
    const { token } = this;
    const reply = await this.ask(line);
    if (reply.code === 'lost' || token !== this.token) return;
    if (reply.status !== 'OK') {
      if (reply.code === 'no_session') return this.to.updates([{ what: 'logged-out' }]);
      return this.socket?.end('');
    }
    this.realm = reply.realm ?? '';
    this.admin = reply.admin === true;
    this.begin(reply.data);
    this.model.realm = this.realm;
    // Each tab keeps its user; a new one is whose the last log-in was.
    const session = JSON.stringify({ token, user: this.model.me });
    save('session', session);
    save('session', session, 'sessionStorage');
    this.ask(`CLIENT Web: ${navigator.userAgent.match(/(Firefox|Edg|OPR|Chrome|Safari)\/\d+/)?.[0] ?? 'browser'}`.slice(0, 120));
    this.attempts = 0;
    this.model.connected();
    this.to.online();
    this.settle();
  }

  begin(me = '') {
    if (this.model.me === me) return;
    this.model = new Model(me);
    for (const key of keys(`out.${me}.`)) {
      const { refused, ...draft } = loadJson(key) ?? {};
      if (!draft.ref || !this.model.post(draft)) save(key, null);
      else if (refused) this.model.outbox.set(draft.ref, { state: 'refused', code: refused });
    }
  }

  again() {
    clearTimeout(this.timer);
    const pause = Math.min(PAUSES[1], PAUSES[0] * 2 ** this.attempts++) * (0.5 + Math.random() / 2);
    this.timer = setTimeout(() => this.now(), pause);
  }

  async now() {
    if (!this.token) return;
    if (this.socket) return this.socket.look(4000, 4000);
    if (await this.connect()) await this.greet(`WHOAMI ${this.token}`);
  }

  /** @param {Omit<Draft, 'ref'>} draft */
  post(draft) {
    // In the order of their names they are sent again after a reload.
    this.lastRef = Math.max(this.lastRef + 1, Date.now());
    const ref = `${this.lastRef.toString(36)}-${Math.random().toString(36).slice(2, 10)}`;
    const whole = { ...draft, ref };
    this.keep(whole);
    const taken = this.model.post(whole);
    if (!taken) save(this.outKey(ref), null);
    this.settle();
    return taken;
  }

  /** Keeps a draft for a page that is loaded anew. What was refused is sent again only where the user says so. @param {Draft} draft @param {string} [refused] */
  keep(draft, refused) {
    save(this.outKey(draft.ref), JSON.stringify({ ...draft, refused }));
  }

  /** @param {Draft} draft */
  retry(draft) {
    if (this.model.outbox.again(draft.ref)) this.keep(draft);
    this.settle();
  }

  discard(ref = '') {
    if (this.model.outbox.discard(ref)) save(this.outKey(ref), null);
    this.to.updates([]);
  }

  outKey(ref = '') {
    return `out.${this.model.me}.${ref}`;
  }

  settle() {
    this.pump();
    const updates = this.model.takeUpdates();
    for (const { what, ref = '', code } of updates) {
      const entry = this.model.outbox.get(ref);
      if (what === 'settled') save(this.outKey(ref), null);
      else if (what === 'refused' && entry) this.keep(entry.draft, code);
    }
    this.to.updates(updates);
    if (this.model.needsRetry() && !this.retryTimer) {
      const pause = Math.min(PAUSES[1], 500 * 2 ** this.retries++);
      this.retryTimer = setTimeout(() => {
        this.retryTimer = undefined;
        this.model.retry();
        this.settle();
      }, pause);
    } else if (!this.model.needsRetry()) this.retries = 0;
  }

  pump() {
    for (;;) {
      const line = this.open && this.socket ? this.model.nextRequest() : null;
      if (line === null) return;
      this.socket?.ask(line, (reply) => {
        if (reply.code === 'lost') return;
        this.model.answered(reply);
        this.settle();
      });
    }
  }

  close() {
    clearTimeout(this.timer);
    const { socket } = this;
    this.socket = null;
    this.open = false;
    socket?.end('');
  }

  /** Is nobody's any more. What was written and not sent stays for the next log-in, unless it is to be let go of. @param {boolean} forgets */
  leave(forgets) {
    if (load('session')?.includes(this.token)) save('session', null);
    // After a reload this tab is nobody's, also where another has a user.
    save('session', 'null', 'sessionStorage');
    this.token = '';
    this.close();
    clearTimeout(this.retryTimer);
    this.retryTimer = undefined;
    if (forgets) for (const key of [...keys(`out.${this.model.me}.`), ...keys(`draft.${this.model.me}.`)]) save(key, null);
    this.model = new Model('');
  }
}
