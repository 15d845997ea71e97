import t from 'tap'
import { type AnswerBounds, answerHeaders } from '../../../gateway/mcp/worker-headers.ts'

const HERE = 'https://mail.example.com/.well-known/oauth-protected-resource/mcp'
const bounds: AnswerBounds = {
  resourceMetadataUrl: HERE,
  sessionId: undefined,
  isInitialize: false
}
const challenge = (url: string) =>
  `Bearer error="insufficient_scope", scope="gmail.modify", resource_metadata="${url}"`
const names = (headers: Record<string, unknown>, more: Partial<AnswerBounds> = {}) =>
  Object.keys(answerHeaders(headers, { ...bounds, ...more }))

t.test('a worker that has fallen sets nothing that is the gateway’s to say', async (t) => {
  const hostile = {
    'Set-Cookie': 'session=evil',
    Location: 'https://evil.example',
    'Access-Control-Allow-Origin': '*',
    'X-Accel-Redirect': '/etc/passwd',
    'Content-Security-Policy': 'script-src *',
    'Strict-Transport-Security': 'max-age=0',
    'X-Request-Id': 'evil',
    Connection: 'close',
    Trailer: 'x'
  }
  t.same(names(hostile), [])
})

// RFC 9728, section 5.1: a client goes where `resource_metadata` points, and signs its person in there.
t.test('a challenge leads to this server, or to none', async (t) => {
  t.same(names({ 'www-authenticate': challenge(HERE) }), ['www-authenticate'])
  t.same(names({ 'www-authenticate': 'Bearer error="invalid_token"' }), ['www-authenticate'])
  for (const evil of [
    challenge('https://evil.example/'),
    `${challenge(HERE)}, resource_metadata="https://evil.example/"`,
    `Bearer resource_metadata=https://evil.example/`,
    `Bearer RESOURCE_METADATA="https://evil.example/"`,
    `${challenge(HERE)}, Basic realm="x"`,
    'Basic realm="your Google password"',
    [challenge(HERE), challenge('https://evil.example/')]
  ])
    t.same(names({ 'www-authenticate': evil }), [], JSON.stringify(evil))
})

t.test('a session is begun by who asked for one, and is no other’s afterwards', async (t) => {
  const told = { 'mcp-session-id': 's-1' }
  t.same(names(told), [])
  t.same(names(told, { isInitialize: true }), ['mcp-session-id'])
  t.same(names(told, { sessionId: 's-1' }), ['mcp-session-id'])
  t.same(names(told, { sessionId: 's-2' }), [])
})
