/** Google's long names of the two short OpenID scopes. */
const LONG_NAMES: Record<string, string> = {
  email: 'https://www.googleapis.com/auth/userinfo.email',
  profile: 'https://www.googleapis.com/auth/userinfo.profile'
}

const GMAIL = 'https://www.googleapis.com/auth/gmail.'

/** What a person reads beside each checkbox of the consent page. */
const DESCRIPTIONS: Record<string, string> = {
  'https://mail.google.com/':
    'Read, compose, send and permanently delete all your email from Gmail',
  [`${GMAIL}readonly`]: 'View your email messages and settings',
  [`${GMAIL}modify`]: 'Read, compose and send emails from your Gmail account',
  [`${GMAIL}compose`]: 'Manage drafts and send emails',
  [`${GMAIL}send`]: 'Send email on your behalf',
  [`${GMAIL}insert`]: 'Add emails into your Gmail mailbox',
  [`${GMAIL}labels`]: 'See and edit your email labels',
  [`${GMAIL}metadata`]:
    'View your email message metadata such as labels and headers, but not the body',
  [`${GMAIL}settings.basic`]:
    'See, edit, create or change your email settings and filters in Gmail',
  [`${GMAIL}settings.sharing`]:
    'Manage your sensitive mail settings, including who can manage your mail',
  'https://www.googleapis.com/auth/contacts.readonly': 'See and download your contacts',
  'https://www.googleapis.com/auth/contacts.other.readonly':
    'See and download contact info automatically saved in your "Other contacts"'
}

/** The scopes of a `scope` parameter, by their long names, each once; undefined when one is unknown. */
export function parseScopes(text: string): string[] | undefined {
  const scopes = text.split(/\s+/).filter((scope) => scope !== '')
  const long = [...new Set(scopes.map((scope) => LONG_NAMES[scope] ?? scope))]
  return long.every((scope) => isIdentity(scope) || scope in DESCRIPTIONS) ? long : undefined
}

/** Scopes about who somebody is; Google shows no checkbox for them. */
export const isIdentity = (scope: string) =>
  scope === 'openid' || Object.values(LONG_NAMES).includes(scope)

export const describeScope = (scope: string) => DESCRIPTIONS[scope] ?? scope

export const EMAIL_SCOPE = 'https://www.googleapis.com/auth/userinfo.email'
export const PROFILE_SCOPE = 'https://www.googleapis.com/auth/userinfo.profile'
