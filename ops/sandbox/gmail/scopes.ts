const gmail = (name: string) => `https://www.googleapis.com/auth/gmail.${name}`

const FULL = 'https://mail.google.com/'
const MODIFY = gmail('modify')
export const METADATA = gmail('metadata')

/** For each kind of method, the scopes of which any one suffices (Google's reference of the Gmail API). */
export const ANY_OF = {
  profile: [FULL, MODIFY, gmail('readonly'), gmail('compose'), METADATA],
  read: [FULL, MODIFY, gmail('readonly'), METADATA],
  readContent: [FULL, MODIFY, gmail('readonly')],
  readDrafts: [FULL, MODIFY, gmail('readonly'), gmail('compose')],
  readLabels: [FULL, MODIFY, gmail('readonly'), METADATA, gmail('labels')],
  readSettings: [FULL, MODIFY, gmail('readonly'), gmail('settings.basic')],
  modify: [FULL, MODIFY],
  labels: [FULL, MODIFY, gmail('labels')],
  compose: [FULL, MODIFY, gmail('compose')],
  send: [FULL, MODIFY, gmail('compose'), gmail('send')],
  insert: [FULL, MODIFY, gmail('insert')],
  delete: [FULL],
  settings: [gmail('settings.basic')],
  sendAs: [gmail('settings.basic'), gmail('settings.sharing')],
  sharing: [gmail('settings.sharing')]
} as const
