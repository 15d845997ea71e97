import type { gmail_v1 } from 'googleapis/build/src/apis/gmail/v1.js'

/** The settings that the Gmail API shows, in its own shapes. */
export interface MailSettings {
  vacation: gmail_v1.Schema$VacationSettings
  imap: gmail_v1.Schema$ImapSettings
  pop: gmail_v1.Schema$PopSettings
  language: gmail_v1.Schema$LanguageSettings
  autoForwarding: gmail_v1.Schema$AutoForwarding
  sendAs: gmail_v1.Schema$SendAs[]
  forwardingAddresses: gmail_v1.Schema$ForwardingAddress[]
  delegates: gmail_v1.Schema$Delegate[]
}

/** What a new account has. */
export function newSettings(address: string, name: string): MailSettings {
  return {
    vacation: { enableAutoReply: false, restrictToContacts: false, restrictToDomain: false },
    imap: { enabled: true, autoExpunge: true, expungeBehavior: 'archive', maxFolderSize: 0 },
    pop: { accessWindow: 'disabled', disposition: 'leaveInInbox' },
    language: { displayLanguage: 'en' },
    autoForwarding: { enabled: false },
    sendAs: [
      {
        sendAsEmail: address,
        displayName: name,
        replyToAddress: '',
        signature: '',
        isPrimary: true,
        isDefault: true
      }
    ],
    forwardingAddresses: [],
    delegates: []
  }
}
