import t from 'tap'
import { formsTaken, mediaTypeOf } from '../../../gateway/http/media-types.ts'

t.test('Accept is read as RFC 9110 §12.5.1 says', async (t) => {
  const both = { json: true, stream: true }
  const json = { json: true, stream: false }
  const stream = { json: false, stream: true }
  for (const [accept, forms] of [
    [undefined, both],
    ['', both],
    ['*/*', both],
    ['application/json, text/event-stream', both],
    ['Application/JSON;q=0.1,TEXT/Event-Stream', both],
    ['application/json', json],
    ['application/*', json],
    ['application/json; charset=utf-8', json],
    ['*/*, text/event-stream;q=0', json],
    ['text/event-stream', stream],
    ['text/*;q=0.2', stream],
    ['application/json;q=0.0, */*', stream],
    ['text/html, application/xhtml+xml', { json: false, stream: false }]
  ] as const)
    t.same(formsTaken(accept), forms, String(accept))
})

t.test('a content type that came twice is one, as long as it says the same', async (t) => {
  t.equal(mediaTypeOf('Application/JSON; charset=utf-8'), 'application/json')
  t.equal(mediaTypeOf('application/json, application/json;charset=utf-8'), 'application/json')
  t.equal(mediaTypeOf('application/json, text/plain'), undefined)
  t.equal(mediaTypeOf(''), undefined)
  t.equal(mediaTypeOf(undefined), undefined)
})
