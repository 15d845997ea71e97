import * as z from 'zod'
import type { Config } from '../../gateway/config/config.ts'
import { isLoopback } from '../../gateway/config/parsers.ts'
import { type Finding, fail, ok, sentenceOf, skip, warn } from './finding.ts'
import { type Knocked, knock } from './knock.ts'

const Resource = z.looseObject({ resource: z.string() })
const DAY_MS = 86_400_000
const SOON_DAYS = 14

/** Whether PUBLIC_URL leads through the proxy to this gateway, and the proxy passes on what it has to. */
export async function lookAtPublicUrl(config: Config, isRunning: boolean): Promise<Finding[]> {
  const { PUBLIC_URL } = config
  if (!isRunning && isLoopback(new URL(PUBLIC_URL).hostname))
    return [skip('public', 'No gateway runs to answer at PUBLIC_URL.')]
  try {
    const knocked = await knock(`${PUBLIC_URL}/.well-known/oauth-protected-resource/mcp`)
    return [
      judge(config, knocked, isRunning),
      ...lookAtProxy(config),
      ...lookAtCertificate(knocked)
    ]
  } catch (error) {
    const said = `PUBLIC_URL cannot be reached from here (${sentenceOf(error)}). Look at the name, the proxy and the firewall; where a network does not lead back into itself, look from elsewhere.`
    return [fail('public', said), ...lookAtProxy(config)]
  }
}

function judge(config: Config, { status, body }: Knocked, isRunning: boolean): Finding {
  const { PUBLIC_URL, PORT } = config
  const { data } = Resource.safeParse(body)
  if (status === 200 && data?.resource === `${PUBLIC_URL}/mcp`)
    return ok('public', 'PUBLIC_URL leads to a gateway of this name.')
  if (data)
    return fail(
      'public',
      `PUBLIC_URL leads to a gateway that calls itself ${data.resource.replace(/\/mcp$/, '')}. Give both the same PUBLIC_URL.`
    )
  if (!isRunning && status >= 500)
    return skip('public', `PUBLIC_URL answers ${status}, and no gateway runs here.`)
  if (status === 403)
    return fail(
      'public',
      'PUBLIC_URL answers 403: the proxy does not pass the Host header on as it came, or the running gateway has another PUBLIC_URL.'
    )
  if (status >= 502 && status <= 504)
    return fail(
      'public',
      `PUBLIC_URL answers ${status}: the proxy does not reach the gateway at port ${PORT}.`
    )
  return fail(
    'public',
    `PUBLIC_URL answers ${status}, and not as this gateway does: another service is there, or a page in front of it.`
  )
}

/** The gateway speaks no TLS, so an https address has a proxy; what it does not name it does not trust. */
function lookAtProxy({ PUBLIC_URL, TRUST_PROXY }: Config): Finding[] {
  if (!PUBLIC_URL.startsWith('https:') || TRUST_PROXY.length > 0) return []
  return [
    warn(
      'proxy',
      'PUBLIC_URL is https, so a proxy stands in front, and TRUST_PROXY does not name it: all clients count as one address. Set it to the proxy’s address.'
    )
  ]
}

function lookAtCertificate({ certificateUntil }: Knocked): Finding[] {
  if (certificateUntil === undefined || Number.isNaN(certificateUntil)) return []
  const days = Math.floor((certificateUntil - Date.now()) / DAY_MS)
  if (days >= SOON_DAYS) return []
  return [
    warn(
      'public',
      `The certificate of PUBLIC_URL ends in ${days} days: see to it that it is renewed.`
    )
  ]
}
