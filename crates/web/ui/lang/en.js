export const texts = {
  messages: 'Messages', latest: 'Latest', beginning: 'This is where {0} begins.', loading: 'Loading …', newMessages: 'New messages',
  today: 'Today', yesterday: 'Yesterday', failed: 'That did not work: {0}.',
  deleted: 'This message was deleted', edited: '(edited)', gone: ' (lost)', earlier: 'An earlier message', again: 'Try again', discard: 'Discard',
  state_sending: 'Sending', state_stored: 'Sent', state_pending: 'Waiting for its place in the group at {0}', state_delivered: 'Delivered', state_failed: 'Not sent',
  message: 'Message', send: 'Send', attach: 'Attach file', emoji: 'Emoji', replying: 'Answer to {0}', editing: 'Changing a message', cancel: 'Cancel',
  tooLong: 'That is too long: a message has 16 KiB at most.', noText: 'To take a message away, delete it.', tooMany: 'Too much waits to be sent.', newConversation: 'New conversation',
  conversations: 'Conversations', search: 'Search', found: 'Found', noConversations: 'Nothing here yet. Begin a conversation with somebody.', settings: 'Settings', logOut: 'Log out',
  unread: '{0} unread', mentions: '{0} for you', online: 'online', reconnecting: 'reconnecting', muted: 'muted', blocked: 'blocked', away: 'away', lastHere: 'last here {0}',
  members: '{0} members',
  lost: 'There is no connection just now.', newer: 'There is a newer version of this page.', partial: 'A part of this page is missing.', reload: 'Reload', notAttached: 'Not attached: {0}.',
  name: 'Name', password: 'Password', logIn: 'Log in', register: 'Register', atRealm: 'at {0}', bothNeeded: 'A name and a password are needed.', noBlanks: 'A password with blanks could not be changed later.', closed: 'Accounts are made by an administrator here.', ended: 'This session has ended. Log in again.', endsLater: 'Your session ends once the realm can be told.',
  show: 'Show', showAll: 'Show all', connection: 'Connection', choose: 'Choose a conversation', keys: 'Ctrl K goes to one by its name.', manyType: 'Several people are typing …', types: '{0} is typing …',
  back: 'Back', details: 'Details', conversationMenu: 'More',
};

/** What the code of an error does not say well by itself. @type {Record<string, string>} */
export const errors = {
  user_not_found: 'There is no such user.',
  silenced: 'You may not write here for now.', announce_only: 'Only the owner and moderators write here.', ref_reused: 'It was sent in another form.', link_full: 'Too much waits for that realm.',
  forbidden: 'You may not do that.', rate_limited: 'Too many attempts. Wait a little.', bad_name: 'A name has letters, digits and . _ -',
  bad_text: 'That holds signs that cannot be sent.',
  unavailable: 'Not possible just now.',
};
