import type { Notice } from '../web/notice-page.ts'
import type { Refusal } from './sign-in-policy.ts'

/** Why a person was not let in, in their words. */
export const REFUSALS: Record<
  Refusal | 'blocked' | 'declined_at_google',
  Pick<Notice, 'title' | 'text'>
> = {
  blocked: {
    title: 'This account is blocked',
    text: ['The operator of this gateway has blocked this account. Please ask them.']
  },
  declined_at_google: {
    title: 'You did not allow access at Google',
    text: ['Nothing was granted and nothing was stored. If that was a mistake, try again.']
  },
  no_gmail_access: {
    title: 'Google gave no access to your mail',
    text: [
      'You signed in, but on Google’s page the access to Gmail was left unticked. Nothing was stored.',
      'Try again and leave the boxes on Google’s page ticked.'
    ]
  },
  no_lasting_access: {
    title: 'Google gave no lasting access',
    text: [
      'Google did not hand out the token that keeps the connection alive. Nothing was stored.',
      'Remove this gateway at myaccount.google.com/connections and try again.'
    ]
  },
  not_allowed: {
    title: 'This account may not use this gateway',
    text: [
      'The operator lets only certain accounts in, and this one is not among them. Nothing was stored.',
      'Try again and choose another Google account, or ask the operator.'
    ]
  },
  unverified_email: {
    title: 'Google has not verified this address',
    text: ['Verify the address of this account at Google, then try again. Nothing was stored.']
  }
}
