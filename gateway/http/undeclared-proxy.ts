import type { FastifyRequest } from 'fastify'
import type { Warnings } from '../telemetry/warnings.ts'

const MISSING =
  'A proxy in front of the gateway sends X-Forwarded-For, but TRUST_PROXY does not name it: all clients count as one address for limits. Set TRUST_PROXY to the address of the proxy.'

/**
 * Warns of a proxy that nobody told the gateway of. Only where the public address is https, which the gateway
 * itself does not speak: then there is one.
 */
export function warnOfUndeclaredProxy(publicUrl: string, warnings: Warnings) {
  const isBehind = publicUrl.startsWith('https:')
  return async ({ headers, ip, socket }: FastifyRequest): Promise<void> => {
    if (!isBehind) return
    const isForwarded =
      headers['x-forwarded-for'] ?? headers['x-forwarded-proto'] ?? headers.forwarded
    // A proxy that is trusted is not who asks.
    if (isForwarded !== undefined && ip === socket.remoteAddress) warnings.say(MISSING)
  }
}
