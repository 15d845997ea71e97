import t from 'tap'
import { authorityOf, nameOf, pathFor } from '../../../gateway/http/normalize-request.ts'

const path = (url: string, { sse = false, method = 'POST', session = '' } = {}) =>
  pathFor({ url, method, headers: session ? { 'mcp-session-id': session } : {} }, sse)

t.test(
  'a target in absolute form is its path, on the host that it names (RFC 9112 §3.2.2)',
  async (t) => {
    t.equal(path('http://mail.example:3006/mcp?a=1'), '/mcp?a=1')
    t.equal(path('HTTPS://mail.example'), '/')
    t.equal(path('http://mail.example?a'), '/?a')
    t.equal(authorityOf('http://Mail.Example:3006/mcp'), 'mail.example:3006')
    t.equal(authorityOf('/mcp'), undefined)
    t.equal(authorityOf(undefined), undefined)
  }
)

t.test(
  'what people have in their settings for /mcp leads there, and nothing else does',
  async (t) => {
    for (const same of ['/mcp', '/mcp/', '/sse', '/sse/']) t.equal(path(same), '/mcp', same)
    t.equal(path('/mcp/?x=1'), '/mcp?x=1')
    for (const other of ['/mcp//', '/mcp/x', '/ssex', '/sse/x', '/', '/mcp%2F'])
      t.equal(path(other), other, other)
  }
)

t.test('a client is told of the resource under the name that it has for it', (t) => {
  for (const old of ['/sse', '/sse/', '/sse?x=1', '/messages?sessionId=a', 'http://h:1/sse'])
    t.equal(nameOf(old), '/sse', old)
  for (const usual of ['/mcp', '/mcp/', '/', '/ssex', 'http://h:1/mcp'])
    t.equal(nameOf(usual), '/mcp')
  t.end()
})

t.test('where the old transport is on, GET /sse is that, unless it names a session', async (t) => {
  t.equal(path('/sse', { sse: true, method: 'GET' }), '/sse')
  t.equal(path('/sse/', { sse: true, method: 'GET' }), '/sse')
  t.equal(path('/sse', { sse: true, method: 'GET', session: 'abc' }), '/mcp')
  t.equal(path('/sse', { sse: true }), '/mcp')
  t.equal(path('/mcp/', { sse: true, method: 'GET' }), '/mcp')
})
