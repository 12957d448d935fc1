// What the types in the comments of the scripts mean. It is read by the checker alone, and not served.

type App = import('../main.js').App;
type Conversation = import('../core/conversation.js').Conversation;

/** A file that comes with a message: what is told of it. Its bytes are fetched by their hash. */
interface FileAbout {
  /** SHA-256 of its bytes, in hexadecimal digits. */
  sha256: string;
  /** What its sender calls it. */
  name: string;
  type: string;
  size: number;
  /** Of a picture: both or none. */
  width: number | null;
  height: number | null;
}

/** A message of a conversation, as a realm tells it. */
interface Message {
  /** Its place in the one order of the realm. */
  id: number;
  /** When the realm took it; `sent` is when the sender's realm did, where that is another one. */
  time: string | null;
  sent: string | null;
  from: string;
  /** U+2028 is a line break. Empty where it is deleted. */
  text: string;
  /** The realm it came from, or went to, unless that is this one. */
  realm: string | null;
  to_realm: string | null;
  /** Set on a message that the system wrote. */
  notice: string | null;
  /** `action`, `notice`; plain text has none. */
  kind: string | null;
  /** The message that it answers. */
  reply: number | null;
  /** What its sender's client called it. */
  ref: string | null;
  edited: string | null;
  deleted: boolean;
  /** It is on disk at the realm to which it went. */
  delivered: boolean;
  /** Each emoji with who put it there. */
  reactions: [string, string[]][];
  file: FileAbout | null;
  /** The realm of its group was put back, and does not have it any more. */
  lost: boolean;
  /** It waits for its place in a group of another realm, and is another message once it has it. */
  pending: boolean;
}

/** A message that the user has written. Under its `ref` the realm posts the same text once. */
interface Draft {
  conversation: string;
  ref: string;
  text: string;
  reply?: number | null;
  kind?: string | null;
  /** It is uploaded before it is named. */
  file?: FileAbout | null;
}

/** What has become of it. `held`: the realm could not take it just now, or does not know whether it has. */
interface Entry {
  draft: Draft;
  state: 'waiting' | 'asked' | 'posted' | 'refused';
  id: number;
  code: string;
  held: boolean;
}

interface Count {
  unread: number;
  mentions: number;
}

/** The places of messages between which none is missing, and whether there may be more on either side. */
interface Run {
  start: number;
  end: number;
  older: boolean;
  newer: boolean;
}

/** Which part of a history. */
interface Part {
  what: 'newest' | 'before' | 'after' | 'around';
  id: number;
}

type Phase = 'offline' | 'listing' | 'catching-up' | 'in-step' | 'waiting' | 'logged-out';

/** What is asked, and so what a reply is about. `one` is the state of one conversation, by way of its last message; `past` was
 * asked before what it is about was let go of, so what was told since is not in the answer. */
type Ask =
  | { ask: 'now' | 'changes' | 'watch' | 'past' }
  | { ask: 'list'; before: number | null }
  | { ask: 'one'; key: string; before: number }
  | { ask: 'members'; key: string }
  | { ask: 'history'; name: string; part: Part; limit: number }
  | { ask: 'mark'; name: string; id: number; read: boolean }
  | { ask: 'post'; ref: string };

/** What has changed: `reset`, `in-step`, `message`, `changed`, `conversation`, `member`, `gone`, `loaded`, `failed`, `posted`,
 * `held`, `refused`, `settled` (nothing more is to be done for a draft), `logged-out`. */
interface Update {
  what: string;
  name?: string;
  id?: number;
  ref?: string;
  code?: string;
  kind?: string;
  user?: string;
  by?: string;
  part?: Part;
  more?: boolean;
  count?: number;
}

/** What one row of the timeline shows: a message that is there, or one that is on its way. */
interface Shown {
  message: Message;
  entry: Entry | null;
  /** It goes on with what the same one wrote just before. */
  follows: boolean;
  /** The message that it answers, if that is known. */
  answered: Message | null;
  state: 'sending' | 'stored' | 'pending' | 'delivered' | 'failed';
  /** The name that its author tells. */
  display: string;
}

/** A row: it is made anew where something in `sig` is another. */
interface Row {
  key: string;
  sig: unknown[];
  make: (old: HTMLElement | null) => HTMLElement;
}

interface Presence {
  user: string;
  state: string;
  since: string | null;
  text?: string;
}

type Child = Node | string | null | undefined | false;
/** Does something, and says what came of it. */
type Act = (say: (text: string) => void) => Promise<void> | void;
