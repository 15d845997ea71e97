import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { pipeline } from 'node:stream'
import { createServer } from 'node:tls'
import type { Test } from 'tap'
import type { Sandbox } from '../../../ops/sandbox/sandbox.ts'
import type { Certificates } from './peer-certificates.ts'

/** The name by which hosts know the stand-in. */
export const GMAIL = 'gmail.example'

/**
 * The stand-in for Google as hosts reach it, in TLS. In the stand-in's own log a request is `from` what `seenAs` makes of
 * the address of the host that sent it.
 */
export async function serveGmailTo(
  t: Pick<Test, 'teardown'>,
  sandbox: Sandbox,
  address: string,
  certificates: Certificates
): Promise<string> {
  const { port } = new URL(sandbox.url)
  const server = createServer({ ...(await certificates.issue(GMAIL)) }, (socket) => {
    const localAddress = seenAs(socket.remoteAddress ?? '')
    const inner = connect({ port: Number(port), host: '127.0.0.1', localAddress })
    pipeline(socket, inner, socket, () => {})
  })
  server.on('tlsClientError', () => {}) // it was cut off
  server.listen(0, address)
  await once(server, 'listening')
  t.teardown(() => void server.close())
  return `https://${GMAIL}:${(server.address() as AddressInfo).port}`
}

/** An address of this machine for each host of a network of 256: all of 127.0.0.0/8 is its own. */
export const seenAs = (address: string): string => `127.0.1.${address.split('.').at(-1)}`
