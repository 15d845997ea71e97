import { systemClock } from '#shared/clock.ts'
import { asUserId } from '#shared/ids.ts'
import { createMailboxLinks } from '../../gateway/accounts/mailbox-links.ts'
import { openStore } from '../../gateway/store/store.ts'
import { Browser } from './browser.ts'
import { OAuthClient, signInClient } from './sign-in.ts'
import type { TestGateway } from './start-gateway.ts'

/** As if each had added the other's mailbox on the account page: the first of each pair may use the second's. */
export async function linkMailboxes(
  { config, users }: Pick<TestGateway, 'config' | 'users'>,
  pairs: readonly (readonly [string, string])[],
  level = 'gmail.full' as const
): Promise<void> {
  const store = await openStore(config.DATABASE_URL)
  const links = createMailboxLinks({ store, clock: systemClock })
  const idOf = (email: string) =>
    asUserId(users.find((user) => user.email === email)?.sub ?? 'nobody')
  for (const [person, mailbox] of pairs)
    await links.add({ userId: idOf(person), mailbox: idOf(mailbox), level })
  await store.close()
}

/** An application's access token, for these mailboxes of a person; the first is who signs in. */
export async function tokenFor(
  { origin }: Pick<TestGateway, 'origin'>,
  mailboxes: readonly [string, ...string[]],
  client?: OAuthClient
): Promise<string> {
  const of = client ?? (await OAuthClient.register(origin))
  const choices = { email: mailboxes[0], mailboxes, level: 'gmail.full' } as const
  return (await signInClient(new Browser(), of, choices)).access_token
}
