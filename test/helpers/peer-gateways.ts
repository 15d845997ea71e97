import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { GoogleStandIn } from './connect-users.ts'
import { freePort } from './free-port.ts'
import { fixtureWorker } from './mcp-http.ts'
import { startPostgres } from './postgres.ts'
import { startGateway, type TestGateway } from './start-gateway.ts'
import { TEST_CERTIFICATE, TEST_KEY } from './test-certificate.ts'

export interface PeerGatewaysOptions {
  readonly google?: GoogleStandIn
  readonly settings?: Readonly<Record<string, string>>
}

/** The settings by which a gateway is reached by others on this machine. */
export async function peerSettings(): Promise<Record<string, string>> {
  const port = await freePort()
  return {
    PEER_URL: `https://localhost:${port}`,
    PEER_HOST: '127.0.0.1',
    PEER_PORT: String(port),
    PEER_CERT: TEST_CERTIFICATE,
    PEER_KEY: TEST_KEY,
    PEER_CA: TEST_CERTIFICATE
  }
}

/**
 * Whole gateways over one PostgreSQL that pass requests on to each other. Everybody is connected once; the tokens of the
 * first gateway's users are good at each. They end with `t`.
 */
export async function startPeerGateways(
  t: Test,
  count: number,
  { google, settings }: PeerGatewaysOptions = {}
): Promise<TestGateway[]> {
  const server = await startPostgres(t)
  const directory = await mkdtemp(join(tmpdir(), 'gw-'))
  const database = await server.newDatabase()
  const gateways: TestGateway[] = []
  for (let n = 0; n < count; n += 1)
    gateways.push(
      await startGateway({
        ...(google && { google }),
        directory,
        connected: n === 0,
        settings: {
          WORKER_ENTRY: fixtureWorker('tools'),
          DATABASE_URL: database,
          RUN_DIR: join(directory, `run${n}`),
          DATABASE_POOL: '4',
          ...(await peerSettings()),
          ...settings
        }
      })
    )
  t.teardown(async () => {
    await Promise.all(gateways.map((gateway) => gateway.close()))
    await rm(directory, { recursive: true, force: true })
    await server.close()
  })
  return gateways
}
