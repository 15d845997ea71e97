import { fileURLToPath } from 'node:url'
import { startGateway, type TestGateway } from '../helpers/start-gateway.ts'

const WORKER = fileURLToPath(new URL('../fixtures/conformance/worker.ts', import.meta.url))

/** A gateway whose workers are the fixture, one of them started: the suite's time windows are short. */
export async function startTarget(): Promise<TestGateway> {
  const gateway = await startGateway({ settings: { WORKER_ENTRY: WORKER } })
  await fetch(gateway.url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${gateway.token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream'
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  })
  return gateway
}
