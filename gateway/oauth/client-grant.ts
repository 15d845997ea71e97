import type { Interaction, Provider } from 'oidc-provider'
import { ACCESS_LEVELS, type AccessLevel, covers } from '#shared/access-levels.ts'
import type { UserId } from '#shared/ids.ts'
import type { TellAccountEvent } from '../accounts/account-change.ts'
import type { ConnectionMailboxes } from '../accounts/connection-mailboxes.ts'
import { resourceOf } from './provider.ts'

export interface ClientGrantParts {
  readonly provider: Provider
  readonly publicUrl: string
  readonly mailboxes: Pick<ConnectionMailboxes, 'keep'>
  readonly tell: TellAccountEvent
}

/** What a client gets: of whom, how much, and with which mailboxes; their own when none is named. */
export interface ClientGrant {
  readonly userId: UserId
  readonly level: AccessLevel
  readonly mailboxes?: readonly UserId[]
}

/**
 * Notes the outcome in the authorization request. Its scope becomes what was granted: a client that asked
 * for nothing gets the default, one that asked for more gets what the person and Google gave.
 */
export async function grantToClient(
  { provider, publicUrl, mailboxes: kept, tell }: ClientGrantParts,
  interaction: Interaction,
  { userId, level, mailboxes = [userId] }: ClientGrant,
  requestId: string
): Promise<void> {
  const asked = String(interaction.params.scope ?? '').split(' ')
  const general = asked.filter((scope) => scope === 'openid' || scope === 'offline_access')
  const levels = ACCESS_LEVELS.filter((lower) => covers(level, lower))
  const clientId = String(interaction.params.client_id)
  const grant = new provider.Grant({ accountId: userId, clientId })
  if (general.length > 0) grant.addOIDCScope(general.join(' '))
  grant.addResourceScope(resourceOf(publicUrl), levels.join(' '))
  const grantId = await grant.save()
  if (mailboxes.length > 1 || mailboxes[0] !== userId)
    await kept.keep({ grantId, userId, clientId }, mailboxes)
  interaction.params.scope = [...general, ...levels].join(' ')
  interaction.result = {
    login: { accountId: userId, remember: false },
    consent: { grantId },
    select_account: {}
  }
  await interaction.persist()
  // Each owner of a mailbox finds it among what was done.
  for (const owner of new Set([userId, ...mailboxes]))
    tell({ userId: owner, action: 'consent', target: clientId, level, requestId })
}
