export const texts = {
  emojiName: 'Emoji by name', to: 'To', toExample: 'amy, amy@beta, #group or #group@beta', toHint: 'A user or a group, here or at a linked realm.', groupPassword: 'Password, if there is one',
  joinGroup: 'Join', makeGroup: 'Make this group', otherGroups: 'Groups you are not in', switchTo: 'Go to', nothing: 'Nothing was found.',
  done: 'Done.', later: 'It happens once its realm can be reached.', unmute: 'Do not mute any more', block: 'Block', unblock: 'Do not block any more', blockSure: 'Block {0}? You are not shown what they write from now on.',
  topic: 'Topic', save: 'Save', user: 'User', ban: 'Ban', unban: 'Lift the ban', leave: 'Leave the group', leaveSure: 'Leave {0}?',
  closeGroup: 'Close the group', closeSure: 'Close {0} for everybody? What was said there is gone.', groupSettings: 'Settings', entry: 'Who may join',
  entry_open: 'anybody', entry_password: 'who knows the password', entry_invite: 'who is added', listed: 'In the list of groups', roomRealms: 'Realms whose users may be in it: none, linked, or names', announce: 'Only owner and moderators write',
  writeTo: 'Write to', makeModerator: 'Make a moderator', makeMember: 'Make an ordinary member', makeOwner: 'Hand the group over', minutes: 'For so many minutes', silence: 'Silence', unsilence: 'Let write again', kick: 'Take out of the group',
  displayName: 'Shown as', about: 'About you', awayText: 'Away, because', goAway: 'I am away', comeBack: 'I am back', themeSystem: 'System', themeLight: 'Light', themeDark: 'Dark',
  notifyOn: 'Notify me of messages', notifyOff: 'Do not notify me', notifyDenied: 'The browser does not allow it.',
  oldPassword: 'Present password', newPassword: 'New password', changePassword: 'Change the password',
  sessions: 'Where you are logged in', unnamed: 'A program', used: 'last used {0}', thisOne: 'this one',
  realms: 'Linked realms', noRealms: 'This realm is linked with no other.', refresh: 'Look again', since: 'since {0}', owed: '{0} messages wait to go there', counts: '{0} sent, {1} received', clock: 'its clock is {0} s off',
  approve: 'Approve', removeSure: 'End the link with {0}?', addRealm: 'Link a realm', host: 'Host', port: 'Port', key: 'Its key, sha256:… (if you have it)',
  invitations: 'Invitations', inviteRealm: 'Make an invitation for a realm', invitation: 'An invitation you were given', join: 'Link',
  link_up: 'up', link_down: 'down', link_waiting: 'waits', link_refused: 'refused', link_removed: 'ended there', searchHere: 'Search in it', markUnread: 'Mark as unread', toLatest: 'Go to the end',
  asks_approval: 'Its administrator asks for this link. Compare its key with what they tell you, then approve it.', awaits_approval: 'Somebody there has to approve it. Ask its administrator to.',
  fix_down: 'It is called again by itself, and nothing is lost. Is that realm running? Are host and port right, and open to this realm?', fix_refused: 'It answers, but not as this link expects. If it has a new key or name, ask its administrator, and link it again with that key.',
  fix_removed: 'It ended the link. Remove it here, or link it again if both want that.', fix_clock: 'Its clock or this one is wrong. Set both by the network time.', callsItself: 'It calls itself {0}, and another realm has that name here.',
  uploads: 'Files to be sent', uploading: 'Uploading {0}', cancelUpload: 'Cancel {0}', uploadLost: 'Not sent: the page was closed before it was uploaded. Attach it again.', waitsForConnection: 'Is sent once there is a connection.', goesWith: 'Goes with what you are writing.',
  tooLarge: 'That is too large: a file has {0} at most.', noRoom: 'Too much was uploaded already: this realm takes no more for now.', diskFull: 'The disk of this realm is full.', unreadable: 'That cannot be read. A folder cannot be sent.',
  download: 'Download', downloadOf: 'Download {0}', notNow: 'Not available at the moment.', notShown: 'Cannot be shown here.',
  people: 'People', waitsSince: 'the oldest for {0} min',
  close: 'Close', oldBlanks: 'A password with blanks can be replaced by an administrator only.', invitedAs: 'That is an invitation for {0}, and you are here as {1}. To use it, log out.', start: 'Start', more: 'More', invite: 'Add', owner: 'owner', moderator: 'moderator', member: 'member', profile: 'Profile', page: 'This page', theme: 'Theme', language: 'Language', end: 'End', realm: 'Its name', mute: 'Mute',
  actions: 'Actions', react: 'React', reply: 'Reply', edit: 'Edit', delete: 'Delete', remove: 'Remove', deleteOther: 'Remove what {0} wrote?', wasDeleted: 'Deleted.', takeBack: 'Take back the text',
  member_joined: '{0} is in the group now', member_left: '{0} has left', member_kicked: '{0} was taken out by {1}', member_banned: '{0} was banned by {1}', member_role: '{0} has another role, given by {1}', member_silenced: 'Whether {0} may write was changed by {1}',
};

/** @type {Record<string, string>} */
export const errors = {
  no_session: 'This session has ended.', unknown: 'Whether that was done is not known yet.', bad_parameters: 'That is not complete, or not right.', limit_reached: 'There are too many already.',
  bad_invitation: 'This invitation was used already, or is too old. Ask for another.',
  file_not_found: 'There is no such file any more.', already_member: 'Is in the group already.', invite_only: 'Members are added by a moderator.', realm_owed: 'Messages still wait for that realm.', realm_key: 'It has another key.',
};
