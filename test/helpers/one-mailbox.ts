import {
  Client,
  type ClientOptions,
  StreamableHTTPClientTransport
} from '@modelcontextprotocol/client'
import type { Test } from 'tap'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { type StartOptions, startGateway } from './start-gateway.ts'

const ADA = 'ada@sandbox.example'

export interface OneMailboxOptions {
  /** How the gateway is started, besides its Google. */
  readonly gateway?: Omit<StartOptions, 'google'>
  readonly client?: ClientOptions
}

/** A gateway with the empty mailbox of one person, Ada, and her assistant, which is connected. They end with the test. */
export async function openOneMailbox(t: Test, options: OneMailboxOptions = {}) {
  const google = await startSandbox({ users: [{ email: ADA, empty: true }] })
  const gateway = await startGateway({ ...options.gateway, google })
  const client = new Client({ name: 'test', version: '1' }, options.client)
  t.teardown(async () => {
    await client.close()
    await gateway.close()
    await google.close()
  })
  const requestInit = { headers: { authorization: `Bearer ${gateway.token}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL(gateway.url), { requestInit }))
  return {
    gateway,
    client,
    mailbox: google.mailbox(ADA),
    /** What a tool answers, as data. */
    async call(name: string, args: Record<string, unknown>): Promise<Record<string, unknown>> {
      const { structuredContent } = await client.callTool({ name, arguments: args })
      return Object(structuredContent)
    }
  }
}
