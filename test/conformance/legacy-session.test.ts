import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema
} from '@modelcontextprotocol/sdk/types.js'
import t from 'tap'
import { startTarget } from './fixture-target.ts'

t.test('a 2025 session has what the official suite does not ask for', async (t) => {
  const target = await startTarget()
  t.teardown(() => target.close())
  const listening = Promise.withResolvers<Response>()
  const client = new Client(
    { name: 'legacy-client', version: '1' },
    { capabilities: { elicitation: {}, sampling: {}, roots: {} } }
  )
  t.teardown(() => client.close())
  const transport = new StreamableHTTPClientTransport(new URL(target.url), {
    requestInit: { headers: { authorization: `Bearer ${target.token}` } },
    fetch: async (url, init) => {
      const response = await fetch(url, init)
      if (init?.method === 'GET') listening.resolve(response)
      return response
    }
  })

  t.test('a question to the user comes as a request, and the call completes', async (t) => {
    const asked: string[] = []
    client.setRequestHandler(ElicitRequestSchema, ({ method, params }) => {
      asked.push(`${method}: ${params.message}`)
      return { action: 'accept', content: { name: 'Ada', color: 'blue' } }
    })
    client.setRequestHandler(CreateMessageRequestSchema, ({ method }) => {
      asked.push(method)
      return { role: 'assistant', model: 'none', content: { type: 'text', text: 'Good day,' } }
    })
    client.setRequestHandler(ListRootsRequestSchema, ({ method }) => {
      asked.push(method)
      return { roots: [{ uri: 'file:///work' }] }
    })
    await client.connect(transport)

    const rounds = await client.callTool({ name: 'test_input_required_result_multi_round' })
    t.same(rounds.content, [{ type: 'text', text: 'Ada likes blue' }])
    t.same(asked.splice(0), [
      'elicitation/create: Step 1: What is your name?',
      'elicitation/create: Step 2: What is your favorite color?'
    ])
    const several = await client.callTool({ name: 'test_input_required_result_multiple_inputs' })
    t.same(several.content, [{ type: 'text', text: 'Good day, Ada: file:///work' }])
    t.same(asked.sort(), [
      'elicitation/create: What is your name?',
      'roots/list',
      'sampling/createMessage'
    ])
  })

  // Without the timeout the test would wait for the first keep-alive, 15 s later.
  t.test('its GET stream is open before there is anything to say', { timeout: 5000 }, async (t) => {
    t.equal((await listening.promise).status, 200)
  })

  t.test('changes arrive on its GET stream', async (t) => {
    const heard: string[] = []
    const all = Promise.withResolvers<void>()
    client.fallbackNotificationHandler = async ({ method }) => {
      heard.push(method)
      if (heard.length === 3) all.resolve()
    }
    await client.subscribeResource({ uri: 'test://watched-resource' })
    await client.callTool({ name: 'test_trigger_tool_change' })
    await client.callTool({ name: 'test_trigger_prompt_change' })
    await client.callTool({ name: 'test_trigger_resource_update' })
    await all.promise
    t.same(heard, [
      'notifications/tools/list_changed',
      'notifications/prompts/list_changed',
      'notifications/resources/updated'
    ])
  })

  t.test('nothing more arrives about a resource after it has unsubscribed', async (t) => {
    await client.unsubscribeResource({ uri: 'test://watched-resource' })
    const next = Promise.withResolvers<string>()
    client.fallbackNotificationHandler = async ({ method }) => next.resolve(method)
    await client.callTool({ name: 'test_trigger_resource_update' })
    await client.callTool({ name: 'test_trigger_tool_change' })
    t.equal(await next.promise, 'notifications/tools/list_changed')
  })
})
